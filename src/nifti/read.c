#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <nifti2_io.h>
#include "nifti/header.h"
#include "nifti/pair.h"
#include "nifti/stream.h"

enum { AFTER_THE_END = 1 << 20, FIRST_CHUNK = 4 << 20 };

/* A file with its header understood and its voxels about to be read. */
struct source {
    struct nifti_header header;
    struct sm_grid grid;
    const char *form;
    struct stream stream;     /* of the file with the voxels */
    uint64_t volume_bytes, all_bytes;
    char header_path[PATH_MAX], voxel_path[PATH_MAX];
};

static enum sm_status read_header(struct source *source, const char *path,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    unsigned char bytes[NIFTI_2_BYTES];
    size_t got;
    snprintf(source->header_path, sizeof source->header_path, "%s", path);
    if (pair_is_image(path)) {
        pair_find(source->header_path, sizeof source->header_path, path, "hdr");
        if (!source->header_path[0])
            return sm_fail(err, SM_NOT_FOUND, "%s: its header, the same name with .hdr, is not there",
                           path);
    }
    enum sm_status status =
        stream_open(&source->stream, source->header_path, STREAM_BY_CONTENT, err);
    if (status == SM_OK)
        status = stream_read(&source->stream, bytes, sizeof bytes, &got, err);
    if (status == SM_OK)
        status = nifti_header_parse(&source->header, bytes, got, path, listener, err);
    return status;
}

/* Leaves source->stream on the file with the voxels, at its beginning. */
static enum sm_status open_voxels(struct source *source, const char *path, struct sm_err *err)
{
    enum stream_kind kind = STREAM_BY_CONTENT;
    stream_close(&source->stream);
    if (source->header.one_file) {
        memcpy(source->voxel_path, source->header_path, sizeof source->voxel_path);
    } else {
        kind = STREAM_BY_NAME;
        pair_find(source->voxel_path, sizeof source->voxel_path, source->header_path, "img");
        if (!source->voxel_path[0])
            return sm_fail(err, SM_NOT_FOUND,
                           "%s: a header only; its voxels, the same name with .img, are not there",
                           path);
    }
    return stream_open(&source->stream, source->voxel_path, kind, err);
}

static enum sm_status too_short(const struct source *source, struct sm_err *err)
{
    const int64_t *dim = source->header.dim;
    char volumes[32] = "";
    if (nifti_header_volumes(&source->header) > 1)
        snprintf(volumes, sizeof volumes, " x %lld",
                 (long long) nifti_header_volumes(&source->header));
    return sm_fail(err, SM_CORRUPT,
                   "%s: the file is cut short, or its header is damaged: %lld x %lld x %lld%s %s "
                   "voxels from byte %lld on do not fit into %llu bytes%s",
                   source->voxel_path, (long long) dim[0], (long long) dim[1], (long long) dim[2],
                   volumes, source->header.type->name, (long long) source->header.vox_offset,
                   (unsigned long long) source->stream.file_bytes,
                   source->stream.gz ? " of compressed data" : "");
}

/* Every promise of the header that the file cannot keep is refused here, before any allocation. */
static enum sm_status check_size(struct source *source, const char *path, struct sm_err *err)
{
    if (!nifti_header_sizes(&source->header, &source->volume_bytes, &source->all_bytes))
        return sm_fail(err, SM_CORRUPT,
                       "%s: the header promises more voxels than any file can hold", path);
    uint64_t limit = stream_limit(&source->stream), offset = (uint64_t) source->header.vox_offset;
    if (offset > limit || source->all_bytes > limit - offset)
        return too_short(source, err);
    if (nifti_header_volumes(&source->header) > INT_MAX)
        return sm_fail(err, SM_UNSUPPORTED, "%s: more than %d volumes", path, INT_MAX);
    return SM_OK;
}

static enum sm_status open_source(struct source *source, const char *path,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    *source = (struct source){.stream.fd = -1};
    nifti_set_debug_level(0);
    enum sm_status status = read_header(source, path, listener, err);
    if (status == SM_OK)
        status = open_voxels(source, path, err);
    if (status == SM_OK)
        status = check_size(source, path, err);
    if (status == SM_OK)
        status = nifti_place(&source->grid, &source->form, &source->header, path, listener, err);
    if (status != SM_OK)
        stream_close(&source->stream);
    return status;
}

/* Why sm_nifti_read would refuse a type, or "". */
static void refusal(char *reason, size_t size, const struct nifti_type *type)
{
    reason[0] = 0;
    if (!type->readable)
        snprintf(reason, size, "voxels of type %s are not read; %s", type->name,
                 type->name[0] == 'R' ? "sammed2d needs one grey value a voxel"
                                      : "convert them to float32 first");
}

static enum sm_status skip_exactly(struct source *source, uint64_t count, struct sm_err *err)
{
    uint64_t got;
    enum sm_status status = stream_skip(&source->stream, count, &got, err);
    return status == SM_OK && got < count ? too_short(source, err) : status;
}

enum sm_status sm_nifti_info(struct sm_nifti_info *info, const char *path,
                             const struct sm_listener *listener, struct sm_err *err)
{
    struct source source;
    enum sm_status status = open_source(&source, path, listener, err);
    if (status != SM_OK)
        return status;
    const struct nifti_header *header = &source.header;
    *info = (struct sm_nifti_info){.grid = source.grid,
                                   .type = header->type->type,
                                   .volumes = (int) nifti_header_volumes(header),
                                   .version = header->version,
                                   .form = source.form,
                                   .type_name = header->type->name,
                                   .big_endian = header->swapped ==
                                                 (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)};
    memcpy(info->description, header->description, sizeof info->description);
    refusal(info->reason, sizeof info->reason, header->type);
    uint64_t end = (uint64_t) header->vox_offset + source.all_bytes;
    if (!stream_size_matches(&source.stream, end)) /* cut short? Only inflating tells. */
        status = skip_exactly(&source, end, err);
    stream_close(&source.stream);
    return status;
}

static enum sm_status choose_volume(const struct source *source, int *index, const char *path,
                                    struct sm_err *err)
{
    int volumes = (int) nifti_header_volumes(&source->header);
    if (*index < 0 && volumes > 1)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: holds %d volumes; choose one with --volume, 0 to %d", path, volumes,
                       volumes - 1);
    if (*index >= volumes)
        return sm_fail(err, SM_USAGE, "%s: there is no volume %d; it holds %d, numbered from 0",
                       path, *index, volumes);
    if (*index < 0)
        *index = 0;
    return SM_OK;
}

/* Reads one volume into memory that grows as bytes arrive, so that a small compressed file with a
 * large promise costs what it holds and no more. */
static enum sm_status read_growing(struct source *source, void **voxels, struct sm_err *err)
{
    uint64_t capacity = 0, have = 0, wanted = source->volume_bytes;
    bool plain = !source->stream.gz;
    *voxels = NULL;
    while (have < wanted) {
        capacity = plain ? wanted : capacity ? 2 * capacity : FIRST_CHUNK;
        capacity = capacity < wanted ? capacity : wanted;
        void *grown = realloc(*voxels, capacity);
        if (!grown)
            return sm_fail(err, SM_MEMORY, "%s: out of memory for %llu MB of voxels",
                           source->voxel_path, (unsigned long long) (wanted >> 20));
        *voxels = grown;
        size_t got;
        enum sm_status status =
            stream_read(&source->stream, (char *) grown + have, capacity - have, &got, err);
        if (status != SM_OK)
            return status;
        if (have + got < capacity)
            return too_short(source, err);
        have = capacity;
    }
    return SM_OK;
}

/* The rest of a gzip file, for its checksum; a file that goes on for long after the voxels is left
 * unchecked. */
static enum sm_status check_rest(struct source *source, struct sm_err *err)
{
    if (!source->stream.gz)
        return SM_OK;
    uint64_t got, end = (uint64_t) source->header.vox_offset + source->all_bytes;
    enum sm_status status = skip_exactly(source, end - source->stream.position, err);
    if (status == SM_OK)
        status = stream_skip(&source->stream, AFTER_THE_END, &got, err);
    return status;
}

static enum sm_status read_voxels(struct source *source, int index, void **voxels,
                                  struct sm_err *err)
{
    uint64_t before = (uint64_t) source->header.vox_offset + (uint64_t) index * source->volume_bytes;
    *voxels = NULL;
    enum sm_status status = skip_exactly(source, before, err);
    if (status == SM_OK)
        status = read_growing(source, voxels, err);
    if (status == SM_OK)
        status = check_rest(source, err);
    size_t bytes = source->header.type->bytes;
    if (status == SM_OK && source->header.swapped && bytes > 1)
        nifti_swap_Nbytes((int64_t) (source->volume_bytes / bytes), (int) bytes, *voxels);
    return status;
}

static void describe(struct sm_volume *volume, const struct nifti_header *header)
{
    volume->format = SM_FORMAT_NIFTI;
    volume->nifti = header->forms;
    snprintf(volume->description, sizeof volume->description, "%s", header->description);
    for (int k = 0; k < volume->grid.dim[2]; k++)
        volume->rescale[k] =
            (struct sm_rescale){.slope = header->slope, .intercept = header->intercept};
}

enum sm_status sm_nifti_read(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err)
{
    struct source source;
    char reason[160];
    void *voxels = NULL;
    *volume = (struct sm_volume){0};
    enum sm_status status = open_source(&source, path, listener, err);
    if (status != SM_OK)
        return status;
    refusal(reason, sizeof reason, source.header.type);
    if (reason[0])
        status = sm_fail(err, SM_UNSUPPORTED, "%s: %s", path, reason);
    if (status == SM_OK)
        status = choose_volume(&source, &index, path, err);
    if (status == SM_OK)
        status = read_voxels(&source, index, &voxels, err);
    stream_close(&source.stream);
    if (status != SM_OK) {
        free(voxels);
        return status;
    }
    status = sm_volume_adopt(volume, &source.grid, source.header.type->type, 1, voxels, err);
    if (status == SM_OK)
        describe(volume, &source.header);
    return status;
}
