/* train/settings.h - what a resumed run must have in common with the one it goes on with, as text. */
#ifndef TRAIN_SETTINGS_H
#define TRAIN_SETTINGS_H

#include "train/train.h"

enum { SETTINGS_MAX = 1536 };

/* "seed=0 batch=2 ...": every option that has a part in the weights, in the same order always. */
void settings_of(char text[SETTINGS_MAX], const struct train_options *options);
/* SM_USAGE: they are not the same; the sentence, about the file `path`, names the first that differs. */
enum sm_status settings_compare(const char *path, const char *theirs, const char *ours, struct sm_err *err);

#endif
