/* Bytes as a .nii, as the same within gzip, and as the header of a pair. What reads is also looked at
 * as slices, and written as a label map that must read back in the same place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "lib/fuzz_file.h"
#include "sammed2d/sammed2d.h"

enum { FEW = 1 << 16 };

static void look_at_slices(const struct sm_volume *volume, bool percentile)
{
    struct sm_window window = {.mode = percentile ? SM_WINDOW_PERCENTILE : SM_WINDOW_VOLUME};
    struct sm_view view;
    for (int plane = SM_PLANE_AUTO; plane <= SM_PLANE_SAGITTAL; plane++) {
        sm_view_choose(&view, volume, (enum sm_plane)plane, SM_ORIENT_RADIOLOGICAL);
        size_t pixels = (size_t)view.dim[0] * (size_t)view.dim[1];
        float *values = malloc(pixels * sizeof *values);
        uint8_t *grey = malloc(pixels);
        if (!values || !grey || sm_window_prepare(&window, volume, NULL) != SM_OK)
            abort();
        for (int s = 0; s < view.dim[2] && s < 3; s++) {
            sm_view_slice(&view, volume, s, values);
            sm_window_apply(&window, values, pixels, grey);
        }
        free(values);
        free(grey);
    }
}

static void write_and_read_back(const struct sm_volume *volume)
{
    char path[64];
    struct sm_labels labels, back;
    snprintf(path, sizeof path, "/tmp/sammed2d-fuzz-%d.nii", (int)getpid());
    if (sm_labels_alloc(&labels, &volume->grid, NULL) != SM_OK)
        abort();
    labels.voxels[0] = 513;
    if (sm_nifti_write_labels(path, &labels, volume, NULL) != SM_OK ||
        sm_nifti_read_labels(&back, path, NULL, NULL) != SM_OK || back.voxels[0] != 513 ||
        memcmp(&back.grid, &labels.grid, sizeof back.grid) != 0)
        abort();
    unlink(path);
    sm_labels_free(&labels);
    sm_labels_free(&back);
}

static void try_path(const char *path)
{
    struct sm_nifti_info info;
    struct sm_volume volume;
    struct sm_labels labels;
    struct sm_err err;
    bool known = sm_nifti_info(&info, path, NULL, &err) == SM_OK;
    if (sm_nifti_read(&volume, path, 0, NULL, &err) != SM_OK)
        return;
    if (!known)
        abort(); /* what reads has a header that info understands */
    if (sm_grid_voxels(&volume.grid) <= FEW) {
        static int turn; /* counting and files are slow: now and then */
        bool slow = turn++ % 64 == 0;
        look_at_slices(&volume, slow);
        if (slow)
            write_and_read_back(&volume);
    }
    sm_volume_free(&volume);
    if (sm_nifti_read_labels(&labels, path, NULL, &err) == SM_OK)
        sm_labels_free(&labels);
}

static void try_bytes(const void *bytes, size_t count)
{
    struct fuzz_file file;
    fuzz_file_open(&file, bytes, count);
    try_path(file.path);
    fuzz_file_close(&file);
}

static void try_compressed(const uint8_t *data, size_t size)
{
    z_stream z = {.next_in = (uint8_t *)data, .avail_in = (unsigned)size};
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&z, size);
    uint8_t *packed = malloc(room);
    z.next_out = packed;
    z.avail_out = (unsigned)room;
    if (!packed || deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    try_bytes(packed, z.total_out);
    deflateEnd(&z);
    free(packed);
}

static void put(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
        abort();
}

static void try_pair(const uint8_t *data, size_t size)
{
    char header[64], voxels[64];
    uint8_t noise[4096];
    for (size_t n = 0; n < sizeof noise; n++)
        noise[n] = (uint8_t)(n * 37);
    snprintf(header, sizeof header, "/tmp/sammed2d-fuzz-%d.hdr", (int)getpid());
    snprintf(voxels, sizeof voxels, "/tmp/sammed2d-fuzz-%d.img", (int)getpid());
    put(header, data, size);
    put(voxels, noise, sizeof noise);
    try_path(voxels);
    unlink(header);
    unlink(voxels);
}

static bool is_pair(const uint8_t *data, size_t size)
{
    return size >= 348 && (memcmp(data + 344, "ni1", 3) == 0 || memcmp(data + 4, "ni2", 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_bytes(data, size);
    try_compressed(data, size);
    if (is_pair(data, size))
        try_pair(data, size);
    return 0;
}
