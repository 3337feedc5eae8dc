/* synth/synth.h - pictures that no scanner made, with objects that are known to the pixel: what `train`
 * learns from when there are no labelled studies, and what `slice --synthetic` shows.
 *
 * Domain randomisation in the spirit of SynthSeg (Billot et al., 2023) and SynthMorph (Hoffmann et al.,
 * 2022): anatomy-like layouts are drawn at random, and every region gets intensity, texture and defects that
 * vary far more than in any scanner, so that a network can rely on none of them.
 *
 * A picture goes through four stages, each a file:
 *   scene     which region is where: a label a pixel, regions in a tree (scene_*.c)
 *   render    values for each region: tissue, texture, partial volume (render.c)
 *   artefact  what a device adds: bias field, noise, streaks, shadows, blur, low resolution (artefact.c)
 *   objects   which regions are worth asking for, as masks (synth.c)
 */
#ifndef SYNTH_SYNTH_H
#define SYNTH_SYNTH_H

#include <stdint.h>
#include "sammed2d/error.h"

enum { SYNTH_MAX_OBJECTS = 24, SYNTH_MIN_SIDE = 32, SYNTH_MAX_SIDE = 1024 };

struct synth_picture {
    int side;
    uint8_t *grey;       /* (side, side), min-max scaled: 254 is the brightest */
    int objects;         /* at least 1 */
    uint8_t *masks;      /* (objects, side, side): 1 inside; each of at least 0.153 % of the pixels */
    const char *recipe;  /* how the scene was laid out: "trunk", "mosaic" ... */
    const char *kinds[SYNTH_MAX_OBJECTS]; /* "organ", "vessel" ...; static strings */
};

struct synth; /* working space for one thread: pictures of one size */

/* SM_USAGE: a side that is not from SYNTH_MIN_SIDE to SYNTH_MAX_SIDE pixels. Free with synth_close. */
enum sm_status synth_open(struct synth **synth, int side, struct sm_err *err);
void synth_close(struct synth *synth);

/* From now on this share of pictures is plain: mosaics and shapes, each region of one grey, without defects. What
 * is asked for is then plain to see, and of all shapes: a network that knows nothing yet learns from them to look
 * at the picture, not at the box alone. 0 at first. */
void synth_set_plain(struct synth *synth, double share);

/* Picture `number` of the endless series `seed`: the same numbers give the same picture, on any thread and
 * in any order. What is returned belongs to *synth and holds until the next call. */
const struct synth_picture *synth_draw(struct synth *synth, uint64_t seed, uint64_t number);

#endif
