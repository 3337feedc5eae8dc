/* model/session.h - inside of struct sm_session, for tests that look at single stages. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include "model/frame.h"
#include "model/two_way_transformer.h"

struct sm_session {
    const struct sm_model *model;
    int threads; /* nn_threads() at opening: what scratch is sized for */
    int max_batch, max_prompts;
    bool encoded; /* something, before */
    struct arena arena; /* the buffers below first, then whatever a call takes and gives back */
    float *input;       /* (max_batch, S, S, 3) */
    bool *done;         /* (max_prompts) */
    const float *embedding; /* of the picture chosen by sm_set_image, the caller's; NULL: none yet */
    struct frame frame;
    float *src, *k, *v, *q; /* what struct image_side points to */
    struct image_side image;
    struct tap tap; /* looks at the encoder's stages when stage is set */
};

/* sm_encode of pictures that are ready for the network: each (S, S, 3), for who prepares them another way. */
enum sm_status session_encode_squares(struct sm_session *session, const float *const *squares, int count,
                                      float *embeddings, struct sm_err *err);
#endif
