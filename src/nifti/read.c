#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <nifti2_io.h>
#include "nifti/header.h"
#include "nifti/pair.h"
#include "nifti/stream.h"

enum { AFTER_THE_END = 1 << 20 };

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
                 (long long)nifti_header_volumes(&source->header));
    return sm_fail(err, SM_CORRUPT,
                   "%s: the file is cut short, or its header is damaged: %lld x %lld x %lld%s %s "
                   "voxels from byte %lld on do not fit into %llu bytes%s",
                   source->voxel_path, (long long)dim[0], (long long)dim[1], (long long)dim[2],
                   volumes, source->header.type->name, (long long)source->header.vox_offset,
                   (unsigned long long)source->stream.file_bytes,
                   source->stream.gz ? " of compressed data" : "");
}

/* Every promise of the header that the file cannot keep is refused here, before any allocation. */
static enum sm_status check_size(struct source *source, const char *path, struct sm_err *err)
{
    if (!nifti_header_sizes(&source->header, &source->volume_bytes, &source->all_bytes))
        return sm_fail(err, SM_CORRUPT,
                       "%s: the header promises more voxels than any file can hold", path);
    uint64_t limit = stream_limit(&source->stream), offset = (uint64_t)source->header.vox_offset;
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
                                   .volumes = (int)nifti_header_volumes(header),
                                   .version = header->version,
                                   .form = source.form,
                                   .type_name = header->type->name,
                                   .big_endian = header->swapped ==
                                                 (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)};
    memcpy(info->description, header->description, sizeof info->description);
    refusal(info->reason, sizeof info->reason, header->type);
    uint64_t end = (uint64_t)header->vox_offset + source.all_bytes;
    if (!stream_size_matches(&source.stream, end)) /* cut short? Only inflating tells. */
        status = skip_exactly(&source, end, err);
    stream_close(&source.stream);
    return status;
}

static enum sm_status choose_volume(const struct source *source, int *index, const char *path,
                                    struct sm_err *err)
{
    int volumes = (int)nifti_header_volumes(&source->header);
    if (*index == NIFTI_LABEL_MAP && volumes > 1)
        return sm_fail(err, SM_UNSUPPORTED,
                       "%s: holds %d volumes, but a label map has one; write the one that is meant into a file of its "
                       "own first", path, volumes);
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

/* ---- voxels, slice by slice as they are asked for ---- */

/* The slices of a file come one after the other, so whoever needs a later one reads those before it too. */
struct waiting {
    struct sm_supply supply;
    struct source source;
    uint64_t before;       /* bytes of the file before slice 0 */
    unsigned char *voxels; /* the volume's */
    size_t slice_bytes;
    int slices;
    pthread_mutex_t lock;  /* held by who reads on */
    atomic_int have;       /* slices in memory */
    struct sm_err trouble; /* once reading has failed */
};

/* The rest of a gzip file, for its checksum; a file that goes on for long after the voxels is left
 * unchecked. */
static enum sm_status check_rest(struct source *source, struct sm_err *err)
{
    if (!source->stream.gz)
        return SM_OK;
    uint64_t got, end = (uint64_t)source->header.vox_offset + source->all_bytes;
    enum sm_status status = skip_exactly(source, end - source->stream.position, err);
    if (status == SM_OK)
        status = stream_skip(&source->stream, AFTER_THE_END, &got, err);
    return status;
}

static enum sm_status read_next(struct waiting *w, struct sm_err *err)
{
    struct source *source = &w->source;
    unsigned char *slice = w->voxels + (size_t)w->have * w->slice_bytes;
    size_t got, bytes = source->header.type->bytes;
    enum sm_status status = w->have ? SM_OK : skip_exactly(source, w->before - source->stream.position, err);
    if (status == SM_OK)
        status = stream_read(&source->stream, slice, w->slice_bytes, &got, err);
    if (status == SM_OK && got < w->slice_bytes)
        status = too_short(source, err);
    if (status == SM_OK && source->header.swapped && bytes > 1)
        nifti_swap_Nbytes((int64_t)(w->slice_bytes / bytes), (int)bytes, slice);
    if (status == SM_OK && w->have == w->slices - 1)
        status = check_rest(source, err);
    if (status == SM_OK)
        w->have++;
    return status;
}

static enum sm_status load_up_to(struct sm_supply *supply, int first, int last, struct sm_err *err)
{
    struct waiting *w = (struct waiting *)supply;
    (void)first;
    if (w->have > last)
        return SM_OK;
    pthread_mutex_lock(&w->lock);
    while (!w->trouble.status && w->have <= last)
        read_next(w, &w->trouble);
    if (w->trouble.status || w->have == w->slices)
        stream_close(&w->source.stream);
    struct sm_err trouble = w->trouble;
    pthread_mutex_unlock(&w->lock);
    return trouble.status ? sm_fail(err, trouble.status, "%s", trouble.message) : SM_OK;
}

static void free_waiting(struct sm_supply *supply)
{
    struct waiting *w = (struct waiting *)supply;
    stream_close(&w->source.stream);
    pthread_mutex_destroy(&w->lock);
    free(w);
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

/* Memory for voxels is asked for in one piece, but the system gives a page when it is written to: a small
 * compressed file with a large promise costs what it holds and no more. */
static enum sm_status attach(struct sm_volume *volume, struct waiting *w, int index, struct sm_err *err)
{
    const struct source *source = &w->source;
    enum sm_status status = sm_volume_alloc(volume, &source->grid, source->header.type->type, 1, err);
    if (status)
        return sm_fail(err, status, "%s: out of memory for %llu MB of voxels", source->voxel_path,
                       (unsigned long long)(source->volume_bytes >> 20));
    describe(volume, &source->header);
    w->supply = (struct sm_supply){load_up_to, free_waiting};
    w->before = (uint64_t)source->header.vox_offset + (uint64_t)index * source->volume_bytes;
    w->voxels = volume->voxels;
    w->slices = volume->grid.dim[2];
    w->slice_bytes = source->volume_bytes / (uint64_t)w->slices;
    pthread_mutex_init(&w->lock, NULL);
    volume->supply = &w->supply;
    return SM_OK;
}

static enum sm_status open_volume(struct sm_volume *volume, struct waiting *w, const char *path, int index,
                                  const struct sm_listener *listener, struct sm_err *err)
{
    char reason[160];
    enum sm_status status = open_source(&w->source, path, listener, err);
    if (status != SM_OK)
        return status;
    refusal(reason, sizeof reason, w->source.header.type);
    if (reason[0])
        status = sm_fail(err, SM_UNSUPPORTED, "%s: %s", path, reason);
    if (status == SM_OK)
        status = choose_volume(&w->source, &index, path, err);
    if (status == SM_OK)
        status = attach(volume, w, index, err);
    if (status != SM_OK)
        stream_close(&w->source.stream);
    return status;
}

enum sm_status sm_nifti_open(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err)
{
    *volume = (struct sm_volume){0};
    struct waiting *w = calloc(1, sizeof *w);
    if (!w)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    enum sm_status status = open_volume(volume, w, path, index, listener, err);
    if (status != SM_OK)
        free(w);
    return status;
}

enum sm_status sm_nifti_read(struct sm_volume *volume, const char *path, int index,
                             const struct sm_listener *listener, struct sm_err *err)
{
    enum sm_status status = sm_nifti_open(volume, path, index, listener, err);
    if (status == SM_OK)
        status = sm_volume_load_all(volume, err);
    if (status != SM_OK)
        sm_volume_free(volume);
    return status;
}
