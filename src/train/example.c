#include "train/example.h"
#include <stdlib.h>
#include <string.h>
#include "model/frame.h"
#include "model/preprocess.h"
#include "nn/nn.h"

static bool grow(uint8_t **bytes, size_t *room, size_t wanted)
{
    if (wanted <= *room)
        return true;
    uint8_t *grown = realloc(*bytes, wanted);
    if (!grown)
        return false;
    *bytes = grown;
    *room = wanted;
    return true;
}

enum sm_status example_reserve(struct example *e, int height, int width, int channels, int objects,
                               struct sm_err *err)
{
    size_t pixels = (size_t)height * width;
    if (!grow(&e->grey, &e->grey_room, pixels * channels) || !grow(&e->masks, &e->mask_room, pixels * objects + 1))
        return sm_fail(err, SM_MEMORY, "out of memory for a picture of %d x %d pixels and %d masks", width,
                       height, objects);
    e->height = height;
    e->width = width;
    e->channels = channels;
    e->objects = objects;
    return SM_OK;
}

void example_free(struct example *e)
{
    free(e->grey);
    free(e->masks);
    *e = (struct example){0};
}

static bool is_centred(const struct example *e, const struct sm_config *config, struct example_quirks quirks)
{
    return quirks.centre_small && e->height < config->image_size && e->width < config->image_size;
}

/* Rows above and columns to the left of a centred picture. */
static void margins(const struct example *e, int size, int *top, int *left)
{
    *top = (size - e->height) / 2;
    *left = (size - e->width) / 2;
}

static void centre_picture(const struct example *e, const struct sm_config *c, float *out)
{
    int size = c->image_size, top, left;
    margins(e, size, &top, &left);
    memset(out, 0, (size_t)size * size * 3 * sizeof *out);
    for (int y = 0; y < e->height; y++)
        for (int x = 0; x < e->width; x++)
            for (int channel = 0; channel < 3; channel++) {
                const uint8_t *pixel = e->grey + ((size_t)y * e->width + x) * e->channels;
                float value = pixel[e->channels == 3 ? channel : 0];
                out[((size_t)(top + y) * size + left + x) * 3 + channel] =
                    (value - c->pixel_mean[channel]) / c->pixel_std[channel];
            }
}

static void exchange_red_and_blue(const struct example *e)
{
    for (size_t i = 0; i < (size_t)e->height * e->width; i++) {
        uint8_t red = e->grey[3 * i];
        e->grey[3 * i] = e->grey[3 * i + 2];
        e->grey[3 * i + 2] = red;
    }
}

enum sm_status example_picture(const struct example *e, const struct sm_config *config,
                               struct example_quirks quirks, float *out, struct sm_err *err)
{
    struct sm_picture picture = {e->height, e->width, e->channels, e->grey};
    enum sm_status status = SM_OK;
    bool exchange = quirks.bgr && e->channels == 3;
    if (exchange)
        exchange_red_and_blue(e);
    if (is_centred(e, config, quirks))
        centre_picture(e, config, out);
    else
        status = preprocess(config, &picture, out, err);
    if (exchange)
        exchange_red_and_blue(e);
    return status;
}

enum sm_status example_target(const struct example *e, const struct sm_config *config,
                              struct example_quirks quirks, int object, uint8_t *out, struct sm_err *err)
{
    int size = config->image_size, top = 0, left = 0;
    struct frame frame = frame_of(config, e->height, e->width);
    const uint8_t *mask = example_mask(e, object);
    int *rows = malloc(2 * (size_t)size * sizeof *rows);
    if (!rows)
        return sm_fail(err, SM_MEMORY, "out of memory");
    int *columns = rows + size;
    if (is_centred(e, config, quirks)) {
        margins(e, size, &top, &left);
        frame.height = e->height;
        frame.width = e->width;
    }
    nn_nearest_index(rows, e->height, frame.height);
    nn_nearest_index(columns, e->width, frame.width);
    memset(out, 0, (size_t)size * size);
    for (int y = 0; y < frame.height; y++)
        for (int x = 0; x < frame.width; x++)
            out[(size_t)(top + y) * size + left + x] = mask[(size_t)rows[y] * e->width + columns[x]];
    free(rows);
    return SM_OK;
}
