/* PNG in and out: the only includer of png.h.
 *
 * libpng reports errors by longjmp. Every call to it sits in a function that has set the jump and
 * owns nothing else; what is allocated lives in a struct of the caller, which frees it. */
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/output.h"
#include "sammed2d/picture.h"

/* Larger pictures are refused: no slice has 16384 pixels a side, and a hostile file of a few bytes
 * may claim billions. A row costs memory before its pixels are seen, a chunk too. */
enum { MAX_SIDE = 16384, MAX_CHUNK = 8 << 20 };

struct reader {
    const char *path;
    FILE *file;
    png_structp png;
    png_infop info;
    bool as_stored;                     /* palette indices and grey of few bits stay the numbers they are */
    int width, height, depth, channels; /* as read, after the transformations */
    uint8_t *pixels;                    /* (height, width, channels), 16-bit native */
    png_bytep *rows;
    char reason[128];
};

static void on_error(png_structp png, png_const_charp message)
{
    char *reason = png_get_error_ptr(png);
    snprintf(reason, 128, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message; /* about text chunks and colour profiles: no pixel depends on them */
}

static enum sm_status damaged(const struct reader *reader, struct sm_err *err)
{
    return sm_fail(err, SM_CORRUPT, "%s: damaged PNG: %s", reader->path, reader->reason);
}

/* Up to the point where the size of a row is known. */
static bool read_header(struct reader *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_set_user_limits(r->png, MAX_SIDE, MAX_SIDE);
    png_set_chunk_malloc_max(r->png, MAX_CHUNK);
    png_set_chunk_cache_max(r->png, 64);
    png_init_io(r->png, r->file);
    png_read_info(r->png, r->info);
    if (r->as_stored)
        png_set_packing(r->png); /* 1/2/4 bits to 8 */
    else
        png_set_expand(r->png); /* palette to RGB, 1/2/4 bits to 8, transparent colour to alpha ... */
    png_set_strip_alpha(r->png); /* ... which is dropped */
    if (png_get_bit_depth(r->png, r->info) == 16) {
        if (png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR)
            png_set_scale_16(r->png);
        else if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
            png_set_swap(r->png);
    }
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    r->width = (int)png_get_image_width(r->png, r->info);
    r->height = (int)png_get_image_height(r->png, r->info);
    r->depth = png_get_bit_depth(r->png, r->info);
    r->channels = png_get_channels(r->png, r->info);
    return true;
}

static bool read_pixels(struct reader *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
    return true;
}

/* Deflate packs at best 1032 to 1: a file that is too small for what it claims is refused before
 * memory is taken. */
static bool file_can_hold(const struct reader *r, size_t bytes)
{
    struct stat status;
    return fstat(fileno(r->file), &status) == 0 &&
           bytes / 1032 <= (size_t)status.st_size;
}

static enum sm_status take_memory(struct reader *r, struct sm_err *err)
{
    size_t row = (size_t)r->width * (size_t)r->channels * (size_t)(r->depth / 8);
    size_t total = row * (size_t)r->height;
    if (!file_can_hold(r, total))
        return sm_fail(err, SM_CORRUPT, "%s: damaged PNG: too short for %d x %d pixels", r->path,
                       r->width, r->height);
    r->pixels = malloc(total);
    r->rows = malloc((size_t)r->height * sizeof *r->rows);
    if (!r->pixels || !r->rows)
        return sm_fail(err, SM_MEMORY, "%s: out of memory: %d x %d pixels", r->path, r->width,
                       r->height);
    for (int y = 0; y < r->height; y++)
        r->rows[y] = r->pixels + (size_t)y * row;
    return SM_OK;
}

static enum sm_status open_reader(struct reader *r, const char *path, struct sm_err *err)
{
    r->path = path;
    r->file = fopen(path, "rbe");
    if (!r->file)
        return sm_fail(err, SM_NOT_FOUND, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    if (fstat(fileno(r->file), &status) != 0 || !S_ISREG(status.st_mode))
        return sm_fail(err, SM_NOT_FOUND, "%s: is not a regular file", path);
    png_byte signature[8];
    if (fread(signature, 1, 8, r->file) != 8 || png_sig_cmp(signature, 0, 8) != 0)
        return sm_fail(err, SM_CORRUPT, "%s: not a PNG file: the signature is missing", path);
    rewind(r->file);
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r->reason, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    return SM_OK;
}

static void close_reader(struct reader *r)
{
    if (r->png)
        png_destroy_read_struct(&r->png, &r->info, NULL);
    if (r->file)
        fclose(r->file);
    free(r->pixels);
    free(r->rows);
}

/* RGB with three equal channels everywhere is grey stored wastefully. */
static void drop_equal_channels(struct reader *r)
{
    size_t pixels = (size_t)r->width * (size_t)r->height;
    const uint8_t *p = r->pixels;
    if (r->channels != 3)
        return;
    for (size_t n = 0; n < pixels; n++)
        if (p[3 * n] != p[3 * n + 1] || p[3 * n] != p[3 * n + 2])
            return;
    for (size_t n = 0; n < pixels; n++)
        r->pixels[n] = p[3 * n];
    r->channels = 1;
}

static enum sm_status to_volume(struct sm_volume *volume, struct reader *r, struct sm_err *err)
{
    struct sm_grid grid = {.dim = {r->width, r->height, 1}};
    for (int axis = 0; axis < 4; axis++)
        grid.affine_lps[axis][axis] = 1;
    void *voxels = r->pixels;
    r->pixels = NULL;
    enum sm_status status = sm_volume_adopt(volume, &grid, r->depth == 16 ? SM_UINT16 : SM_UINT8,
                                            r->channels, voxels, err);
    volume->format = SM_FORMAT_PNG;
    volume->display_ready = r->depth == 8;
    return status;
}

static enum sm_status read_picture(struct sm_volume *volume, const char *path, bool as_stored, struct sm_err *err)
{
    struct reader reader = {.as_stored = as_stored};
    *volume = (struct sm_volume){0};
    enum sm_status status = open_reader(&reader, path, err);
    if (status == SM_OK && !read_header(&reader))
        status = damaged(&reader, err);
    if (status == SM_OK)
        status = take_memory(&reader, err);
    if (status == SM_OK && !read_pixels(&reader))
        status = damaged(&reader, err);
    if (status == SM_OK) {
        drop_equal_channels(&reader);
        status = to_volume(volume, &reader, err);
    }
    close_reader(&reader);
    return status;
}

enum sm_status sm_png_read(struct sm_volume *volume, const char *path, struct sm_err *err)
{
    return read_picture(volume, path, false, err);
}

enum sm_status sm_png_read_labels(struct sm_labels *labels, const char *path, struct sm_err *err)
{
    struct sm_volume picture;
    *labels = (struct sm_labels){0};
    enum sm_status status = read_picture(&picture, path, true, err);
    if (!status && picture.channels != 1)
        status = sm_fail(err, SM_UNSUPPORTED, "%s: a colour picture cannot be a label map", path);
    if (!status)
        status = sm_labels_alloc(labels, &picture.grid, err);
    for (size_t v = 0; !status && v < sm_grid_voxels(&picture.grid); v++)
        labels->voxels[v] = picture.type == SM_UINT8 ? ((const uint8_t *)picture.voxels)[v]
                                                     : ((const uint16_t *)picture.voxels)[v];
    sm_volume_free(&picture);
    return status;
}

struct writer {
    struct output output;
    png_structp png;
    png_infop info;
    enum sm_status status; /* of output_write */
    struct sm_err *err;
    char reason[128];
};

static void write_bytes(png_structp png, png_bytep bytes, png_size_t count)
{
    struct writer *w = png_get_io_ptr(png);
    w->status = output_write(&w->output, bytes, count, w->err);
    if (w->status != SM_OK)
        png_error(png, "cannot be written");
}

static void flush_bytes(png_structp png)
{
    (void)png;
}

static bool write_picture(struct writer *w, const uint8_t *pixels, int width, int height,
                          int channels)
{
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    png_set_write_fn(w->png, w, write_bytes, flush_bytes);
    png_set_IHDR(w->png, w->info, (png_uint_32)width, (png_uint_32)height, 8,
                 channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int y = 0; y < height; y++)
        png_write_row(w->png, pixels + (size_t)y * (size_t)width * (size_t)channels);
    png_write_end(w->png, w->info);
    return true;
}

enum sm_status sm_png_write(const char *path, const uint8_t *pixels, int width, int height,
                            int channels, struct sm_err *err)
{
    if (width < 1 || height < 1 || (channels != 1 && channels != 3))
        return sm_fail(err, SM_USAGE, "%s: a PNG of %d x %d pixels with %d channels cannot be made",
                       path, width, height, channels);
    struct writer w = {.err = err};
    enum sm_status status = output_open(&w.output, path, err);
    if (status != SM_OK)
        return status;
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w.reason, on_error, on_warning);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info)
        status = sm_fail(err, SM_MEMORY, "%s: out of memory", path);
    else if (!write_picture(&w, pixels, width, height, channels))
        status = w.status != SM_OK ? w.status
                                   : sm_fail(err, SM_OUTPUT, "%s: cannot be written: %s", path,
                                             w.reason);
    if (w.png)
        png_destroy_write_struct(&w.png, &w.info);
    if (status == SM_OK)
        return output_commit(&w.output, err);
    output_discard(&w.output);
    return status;
}
