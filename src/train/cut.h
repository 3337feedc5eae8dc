/* train/cut.h - a picture seen from near, as `segment` and `eval` show what is in a box a second time. */
#ifndef TRAIN_CUT_H
#define TRAIN_CUT_H

#include "train/example.h"
#include "synth/random.h"

/* The example becomes the part around one of its objects, 2 to 3.5 times as wide, with the objects of which enough is to be
 * seen there. Where that would be all of the picture, nothing happens. */
void cut_example(struct example *example, struct rng *rng);
#endif
