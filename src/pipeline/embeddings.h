/* pipeline/embeddings.h - image embeddings kept from run to run, found by what they were made of. */
#ifndef PIPELINE_EMBEDDINGS_H
#define PIPELINE_EMBEDDINGS_H

#include "sammed2d/segment.h"

/* The picture's digest with all else that its embedding depends on, as hexadecimal digits. */
void embeddings_key(const struct sm_embeddings *kept, const struct sm_picture *picture, char key[65]);
/* The embedding (G, G, C) of that picture. False: it is not kept. */
bool embeddings_find(const struct sm_embeddings *kept, const char *key, float *embedding);
/* Keeps it; a warning, once, where that cannot be done. */
void embeddings_keep(struct sm_embeddings *kept, const char *key, const float *embedding,
                     const struct sm_listener *listener);
#endif
