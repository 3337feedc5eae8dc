#include "model/zoom.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Boxes of fewer pixels are shown as if they had so many: beyond, there is nothing to see but pixels. */
enum { LEAST_SIDE = 16 };
/* As published: SamAutomaticMaskGenerator's stability_score_offset. */
static const float STABILITY_OFFSET = 1;

/* `side` pixels about the middle of low..high, within 0..length. */
static void place(float low, float high, int side, int length, int *first, int *count)
{
    *count = side < length ? side : length;
    double at = nearbyint(((double)low + high - *count) / 2);
    *first = (int)fmax(0, fmin(at, length - *count));
}

bool zoom_region(struct region *region, const float box[4], double zoom, int height, int width)
{
    double longest = fmax(fmax(box[2] - box[0], box[3] - box[1]), LEAST_SIDE);
    int side = (int)fmin(ceil(zoom * longest), height > width ? height : width);
    place(box[0], box[2], side, width, &region->x, &region->width);
    place(box[1], box[3], side, height, &region->y, &region->height);
    return zoom > 1 && (region->width < width || region->height < height);
}

enum sm_status zoom_crop(struct sm_picture *crop, const struct sm_picture *picture, const struct region *region,
                         struct sm_err *err)
{
    size_t pixel = (size_t)picture->channels, row = (size_t)region->width * pixel;
    uint8_t *pixels = malloc((size_t)region->height * row);
    *crop = (struct sm_picture){region->height, region->width, picture->channels, pixels};
    if (!pixels)
        return sm_fail(err, SM_MEMORY, "out of memory for a part of a picture");
    for (int y = 0; y < region->height; y++)
        memcpy(pixels + (size_t)y * row,
               picture->pixels + ((size_t)(region->y + y) * (size_t)picture->width + (size_t)region->x) * pixel, row);
    return SM_OK;
}

enum sm_status zoom_encode(struct sm_session *session, const struct sm_picture *picture, const struct region *region,
                           float *embedding, struct sm_err *err)
{
    struct sm_picture part;
    enum sm_status status = zoom_crop(&part, picture, region, err);
    if (!status)
        status = sm_encode(session, &part, 1, embedding, err);
    free((void *)part.pixels);
    return status;
}

enum sm_status zoom_decode(struct sm_session *session, const float *embedding, const struct region *region,
                           const struct sm_prompt *prompt, enum sm_multimask choice, float *low_res, float *iou,
                           struct sm_err *err)
{
    const struct shown shown = {embedding, 1, region->height, region->width};
    float points[SM_MAX_POINTS][2], box[4];
    struct sm_prompt moved = *prompt;
    const int origin[2] = {region->x, region->y};
    for (int p = 0; p < prompt->point_count && p < SM_MAX_POINTS; p++)
        for (int a = 0; a < 2; a++)
            points[p][a] = prompt->points[p][a] - (float)origin[a];
    for (int n = 0; n < 4 && prompt->box; n++)
        box[n] = prompt->box[n] - (float)origin[n % 2];
    moved.points = (const float(*)[2])points;
    moved.box = prompt->box ? box : NULL;
    return answer_decode(session, &shown, choice, &moved, 1, low_res, iou, err);
}

void zoom_merge(const struct sm_config *config, const struct closer *closer, int width, float *logits, float *room,
                float *scratch)
{
    const struct region *r = &closer->region;
    if (!closer->low_res)
        return;
    sm_upsample(config, closer->low_res, r->height, r->width, room, scratch);
    for (int y = r->y; y < r->y + r->height; y++) {
        const float *near = room + (size_t)(y - r->y) * (size_t)r->width;
        float *row = logits + (size_t)y * (size_t)width + (size_t)r->x;
        for (int x = 0; x < r->width; x++)
            row[x] = (row[x] + near[x]) / 2;
    }
}

float mask_stability(const float *logits, size_t count)
{
    size_t surely = 0, perhaps = 0;
    for (size_t p = 0; p < count; p++) {
        surely += logits[p] > STABILITY_OFFSET;
        perhaps += logits[p] > -STABILITY_OFFSET;
    }
    return perhaps ? (float)surely / (float)perhaps : 0;
}
