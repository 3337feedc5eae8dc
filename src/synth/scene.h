/* synth/scene.h - which region is where.
 *
 * A scene is laid out in units of its own, about -1..1 both ways, x to the right and y down; the view (zoom,
 * turn, aspect, a smooth warp) says which place each pixel shows. Regions are painted one over the other and
 * form a tree: a lesion lies in an organ, which lies in the trunk.
 *
 * C leaves open in which order arguments and initialisers are evaluated: whatever draws more than one random number
 * draws each into a variable, or the picture of a number would differ from compiler to compiler.
 */
#ifndef SYNTH_SCENE_H
#define SYNTH_SCENE_H

#include "synth/shape.h"

enum tissue { AIR, LUNG, FAT, SOFT, FLUID, BLOOD, BONE, MARROW, GAS_AND_FOOD, TISSUES };

struct region {
    int parent;        /* region it lies in; the background is region 0, its own parent */
    enum tissue tissue;
    const char *kind;
    bool asked;        /* worth asking for, together with all that lies in it */
    int like;          /* region of hardly another grey, as of a lesion that is hard to see; 0: none */
};

enum { MAX_REGIONS = 160, BLOCK = 16 };

struct bounds {
    float low_x, high_x, low_y, high_y;
};

struct scene {
    int side;
    float zoom;          /* 1: a body from side to side */
    int regions;
    struct region region[MAX_REGIONS];
    uint8_t *label;      /* (side, side): region of each pixel */
    float *x, *y;        /* (side, side): the place each pixel shows, scene units */
    struct bounds *block; /* of the places in each BLOCK x BLOCK pixels, so that most of a picture is not
                             looked at for a small shape */
    float *field;        /* (side, side) scratch, and for fields: */
    float *scratch, *sum;
    struct rng rng;
};

/* A new region; the background's number, 0, when there are too many. */
int scene_region(struct scene *scene, int parent, enum tissue tissue, const char *kind, bool asked);
/* Gives region the pixels in `shape`: those of `over` only, all when over is EVERYWHERE, or those of a region and
 * of all regions after it when over is scene_since(that region). How many. */
enum { EVERYWHERE = -1 };
static inline int scene_since(int region)
{
    return EVERYWHERE - region;
}
int scene_paint(struct scene *scene, int region, const struct shape *shape, int over);
/* Both: a region in `over` from a shape; in the background when that is several regions. */
int scene_put(struct scene *scene, int over, const struct shape *shape, enum tissue tissue, const char *kind,
              bool asked);
/* Lesions, cysts and vessels inside what has been painted. */
void scene_lesions(struct scene *scene, int organ, float x, float y, float size, int most);
void scene_vessels(struct scene *scene, int organ, float x, float y, float size, int count);
/* Chooses the view: from all of the scene to one that is closer by most_zoom. */
void scene_view(struct scene *scene, float most_zoom);

/* The layouts. Each begins with a view. */
void scene_trunk(struct scene *scene);
void scene_pelvis(struct scene *scene);
void scene_head(struct scene *scene);
void scene_temporal(struct scene *scene);
void scene_cord(struct scene *scene);
void scene_layers(struct scene *scene);
void scene_mosaic(struct scene *scene);
void scene_shapes(struct scene *scene);

#endif
