#include "model/mirror.h"
#include <stdlib.h>
#include <string.h>
#include "model/mask_decoder.h"
#include "model/model_internal.h"
#include "model/session.h"

/* What is reversed in an image. Each differs from the one before in one of them. */
enum axes { COLUMNS = 1, ROWS = 2 };
static const unsigned reversed[MIRRORS_MOST] = {0, COLUMNS, COLUMNS | ROWS, ROWS};

enum sm_status mirror_check(const struct sm_config *config, int count, struct sm_err *err)
{
    if (count != 1 && count != 2 && count != MIRRORS_MOST)
        return sm_fail(err, SM_USAGE, "a picture cannot be looked at in %d mirror images; expected 1, 2 or 4", count);
    if (count == 1 || config->resize != SM_RESIZE_SAM)
        return SM_OK;
    return sm_fail(err, SM_USAGE, "these weights are shown pictures with a padding at one side, which no mirror image has; "
                                  "give --mirrors no");
}

/* ---- planes ---- */

static void exchange(uint8_t *a, uint8_t *b, size_t bytes)
{
    for (size_t n = 0; n < bytes; n++) {
        uint8_t kept = a[n];
        a[n] = b[n];
        b[n] = kept;
    }
}

static void reverse_columns(uint8_t *plane, int height, int width, size_t pixel)
{
    for (int y = 0; y < height; y++) {
        uint8_t *row = plane + (size_t)y * (size_t)width * pixel;
        for (int x = 0; x < width / 2; x++)
            exchange(row + (size_t)x * pixel, row + (size_t)(width - 1 - x) * pixel, pixel);
    }
}

static void reverse_rows(uint8_t *plane, int height, size_t row)
{
    for (int y = 0; y < height / 2; y++)
        exchange(plane + (size_t)y * row, plane + (size_t)(height - 1 - y) * row, row);
}

static void reverse(void *plane, int height, int width, size_t pixel, unsigned axes)
{
    if (axes & COLUMNS)
        reverse_columns(plane, height, width, pixel);
    if (axes & ROWS)
        reverse_rows(plane, height, (size_t)width * pixel);
}

void mirror_turn(uint8_t *pixels, int height, int width, int channels, int from, int to)
{
    reverse(pixels, height, width, (size_t)channels, reversed[from] ^ reversed[to]);
}

/* ---- prompts ---- */

/* Prompts in a mirror image: pixels of (height, width), masks of (side, side). */
struct image {
    int height, width, side;
    unsigned axes;
};

static void turn_point(float to[2], const float from[2], const struct image *image)
{
    to[0] = image->axes & COLUMNS ? (float)(image->width - 1) - from[0] : from[0];
    to[1] = image->axes & ROWS ? (float)(image->height - 1) - from[1] : from[1];
}

/* Upper ends are one past the last pixel. */
static void turn_box(float to[4], const float from[4], const struct image *image)
{
    memcpy(to, from, 4 * sizeof *to);
    if (image->axes & COLUMNS) {
        to[0] = (float)image->width - from[2];
        to[2] = (float)image->width - from[0];
    }
    if (image->axes & ROWS) {
        to[1] = (float)image->height - from[3];
        to[3] = (float)image->height - from[1];
    }
}

static size_t floats_of(const struct sm_prompt *p, const struct image *image)
{
    return 2 * (size_t)p->point_count + (p->box ? 4 : 0) + (p->mask ? (size_t)image->side * (size_t)image->side : 0);
}

/* The prompt in the mirror; what it points to lies in `room`, whose end is returned. */
static float *turn_prompt(struct sm_prompt *to, const struct sm_prompt *from, float *room, const struct image *image)
{
    size_t mask = (size_t)image->side * (size_t)image->side;
    *to = *from;
    to->points = (const float(*)[2])room;
    for (int p = 0; p < from->point_count; p++, room += 2)
        turn_point(room, from->points[p], image);
    if (from->box) {
        to->box = room;
        turn_box(room, from->box, image);
        room += 4;
    }
    if (from->mask) {
        to->mask = room;
        memcpy(room, from->mask, mask * sizeof *room);
        reverse(room, image->side, image->side, sizeof *room, image->axes);
        room += mask;
    }
    return room;
}

/* ---- decoding ---- */

/* low_res (count, masks, side, side) in the frame of the picture. */
static enum sm_status decode_image(struct sm_session *session, const struct image *image, const struct sm_prompt *prompts,
                                   int count, bool multimask, float *low_res, float *iou, struct sm_err *err)
{
    size_t floats = 1, plane = (size_t)image->side * (size_t)image->side;
    int planes = count * mask_count(&session->model->config, multimask);
    for (int n = 0; n < count; n++)
        floats += floats_of(&prompts[n], image);
    float *room = malloc(floats * sizeof *room), *next = room;
    struct sm_prompt *turned = malloc((size_t)(count + 1) * sizeof *turned);
    enum sm_status status = room && turned ? SM_OK : sm_fail(err, SM_MEMORY, "out of memory for prompts");
    for (int n = 0; !status && n < count; n++)
        next = turn_prompt(&turned[n], &prompts[n], next, image);
    if (!status)
        status = sm_decode(session, turned, count, multimask, low_res, iou, err);
    for (int n = 0; !status && n < planes; n++)
        reverse(low_res + (size_t)n * plane, image->side, image->side, sizeof *low_res, image->axes);
    free(turned);
    free(room);
    return status;
}

static void add(float *sum, const float *values, size_t count)
{
    for (size_t n = 0; n < count; n++)
        sum[n] += values[n];
}

static void divide(float *sum, size_t count, int by)
{
    for (size_t n = 0; n < count; n++)
        sum[n] /= (float)by;
}

enum sm_status mirror_decode(struct sm_session *session, const struct shown *shown, const struct sm_prompt *prompts, int count,
                             bool multimask, float *low_res, float *iou, struct sm_err *err)
{
    const struct sm_config *config = &session->model->config;
    int height = shown->height, width = shown->width, mirrors = shown->mirrors;
    struct image image = {height, width, sm_low_res_side(config), 0};
    size_t masks = (size_t)count * (size_t)mask_count(config, multimask);
    size_t floats = masks * (size_t)image.side * (size_t)image.side, each = sm_embedding_floats(config);
    enum sm_status status = sm_set_image(session, shown->embeddings, height, width, err);
    if (!status)
        status = sm_decode(session, prompts, count, multimask, low_res, iou, err);
    if (status || mirrors == 1)
        return status;
    float *more = malloc((floats + masks + 1) * sizeof *more);
    if (!more)
        return sm_fail(err, SM_MEMORY, "out of memory for masks");
    for (int number = 1; !status && number < mirrors; number++) {
        image.axes = reversed[number];
        status = sm_set_image(session, shown->embeddings + (size_t)number * each, height, width, err);
        if (!status)
            status = decode_image(session, &image, prompts, count, multimask, more, more + floats, err);
        if (!status) {
            add(low_res, more, floats);
            add(iou, more + floats, masks);
        }
    }
    divide(low_res, floats, mirrors);
    divide(iou, masks, mirrors);
    free(more);
    return status;
}
