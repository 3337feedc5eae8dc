/* synth/scene_body.h - what cuts across a body have in common. Units are those of the scene; the body's front is
 * at the top, its back at the bottom. */
#ifndef SYNTH_SCENE_BODY_H
#define SYNTH_SCENE_BODY_H

#include "synth/scene.h"

struct body {
    int skin;           /* region: all later ones lie in it */
    int fat;            /* region under the skin */
    struct shape flesh; /* what the fat surrounds; not painted yet */
};

/* Skin and fat, with half axes a and b, and what lies about outside. */
struct body body_outline(struct scene *scene, float a, float b);
/* In the region `over`: muscles two by two beside the place (0, y); an organ of any kind within half axes a and b
 * about (0, 0); vessels of radii from `least` to `most`, cut across. */
void body_muscles(struct scene *scene, int over, float y);
void body_organ(struct scene *scene, int over, float a, float b);
void body_vessels(struct scene *scene, int over, int count, struct bounds within, float least, float most);

#endif
