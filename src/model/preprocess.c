#include <stdlib.h>
#include <string.h>
#include "model/frame.h"
#include "model/preprocess.h"
#include "model/resample.h"
#include "nn/nn.h"

/* Each of the 256 grey levels of each channel, normalised in float32: the same as normalising the
 * picture before the resize, which is the reference's order. */
static void normalised_levels(const struct sm_config *config, float level[3][256])
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            level[c][v] = ((float)v - config->pixel_mean[c]) / config->pixel_std[c];
}

static void put_pixel(float *out, const uint8_t *pixel, int channels, float level[3][256])
{
    for (int c = 0; c < 3; c++)
        out[c] = level[c][pixel[channels == 3 ? c : 0]];
}

/* ref: predictor_sammed.py set_image */
static void nearest_square(const struct sm_config *config, const struct sm_picture *p, float *out)
{
    int size = config->image_size, column[2048], row[2048]; /* config_check: size is at most 2048 */
    float level[3][256];
    normalised_levels(config, level);
    nn_nearest_index(column, p->width, size);
    nn_nearest_index(row, p->height, size);
    for (int y = 0; y < size; y++) {
        const uint8_t *line = p->pixels + (size_t)row[y] * (size_t)p->width * (size_t)p->channels;
        for (int x = 0; x < size; x++)
            put_pixel(out + ((size_t)y * size + x) * 3, line + (size_t)column[x] * p->channels,
                      p->channels, level);
    }
}

/* ref: transforms.py ResizeLongestSide.apply_image, then sam.py preprocess */
static enum sm_status longest_side(const struct sm_config *config, const struct sm_picture *p,
                                   float *out, struct sm_err *err)
{
    struct frame f = frame_of(config, p->height, p->width);
    size_t size = (size_t)config->image_size, n = (size_t)p->channels;
    uint8_t *resized = malloc((size_t)f.height * (size_t)f.width * n);
    if (!resized)
        return sm_fail(err, SM_MEMORY, "out of memory while resizing a picture for the network");
    float level[3][256];
    enum sm_status status = resample_bilinear(resized, f.height, f.width, p->pixels, p->height,
                                              p->width, p->channels, err);
    normalised_levels(config, level);
    memset(out, 0, size * size * 3 * sizeof *out);
    for (int y = 0; y < f.height && !status; y++)
        for (int x = 0; x < f.width; x++)
            put_pixel(out + ((size_t)y * size + x) * 3, resized + ((size_t)y * f.width + x) * n,
                      p->channels, level);
    free(resized);
    return status;
}

/* ref: MedSAM_Inference.py of bowang-lab/MedSAM: to the square, then the smallest value is 0 and the
 * largest 1; mean and std are not used. */
static enum sm_status unit_square(const struct sm_config *config, const struct sm_picture *p,
                                  float *out, struct sm_err *err)
{
    size_t size = (size_t)config->image_size, n = (size_t)p->channels, count = size * size;
    uint8_t *resized = malloc(count * n);
    if (!resized)
        return sm_fail(err, SM_MEMORY, "out of memory while resizing a picture for the network");
    enum sm_status status = resample_cubic(resized, (int)size, (int)size, p->pixels, p->height,
                                           p->width, p->channels, err);
    uint8_t low = 255, high = 0;
    for (size_t i = 0; i < count * n && !status; i++) {
        low = resized[i] < low ? resized[i] : low;
        high = resized[i] > high ? resized[i] : high;
    }
    float level[3][256];
    for (int v = 0; v < 256; v++)
        level[0][v] = high > low ? (float)((double)(v - low) / (high - low)) : 0;
    memcpy(level[1], level[0], sizeof level[0]);
    memcpy(level[2], level[0], sizeof level[0]);
    for (size_t i = 0; i < count && !status; i++)
        put_pixel(out + 3 * i, resized + i * n, p->channels, level);
    free(resized);
    return status;
}

enum sm_status preprocess(const struct sm_config *config, const struct sm_picture *picture, float *out,
                          struct sm_err *err)
{
    if (picture->height < 1 || picture->width < 1 || !picture->pixels ||
        (picture->channels != 1 && picture->channels != 3))
        return sm_fail(err, SM_USAGE,
                       "a picture of %d x %d pixels and %d channels cannot be encoded; expected at "
                       "least 1 x 1 and 1 or 3 channels",
                       picture->width, picture->height, picture->channels);
    switch (config->resize) {
    case SM_RESIZE_SAM:
        return longest_side(config, picture, out, err);
    case SM_RESIZE_MEDSAM:
        return unit_square(config, picture, out, err);
    case SM_RESIZE_SAM_MED2D:
        break;
    }
    nearest_square(config, picture, out);
    return SM_OK;
}
