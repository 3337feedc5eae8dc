/* synth/picture.h - from regions to grey values: what tissue looks like, and what a device adds.
 */
#ifndef SYNTH_PICTURE_H
#define SYNTH_PICTURE_H

#include "synth/scene.h"

/* The device decides which greys tissues have and which defects there are. */
enum device { CT, MR, ULTRASOUND, ANYTHING };

/* values (side, side) of a scene, about 0..1 for what matters (CT: air far below fat, bone far above). */
void render(float *values, struct scene *scene, enum device device);
/* The same without tissue: one grey a region, any grey. */
void render_plain(float *values, struct scene *scene);
/* In place; what a frame hides becomes background in the scene as well. */
void add_defects(float *values, struct scene *scene, enum device device);
/* Fewer, larger pixels: picture and labels are averaged (voted) down to a smaller grid and shown with square
 * pixels, as the network's nearest resize shows a small picture. */
void lower_resolution(float *values, struct scene *scene);

#endif
