/* sammed2d/model.h - the network half: 8-bit pictures and prompts in, mask logits out.
 *
 * Source: OpenGVLab/SAM-Med2D, segment_anything/modeling (image_encoder.py, prompt_encoder.py,
 * mask_decoder.py, transformer.py, predictor_sammed.py). Letters used for shapes:
 *   S image_size (256)   G = S / patch_size (16)   C = prompt_dim (256)   L = 4 * G low-res side (64)
 *   N prompts on one picture   M masks a prompt: 1 or 3
 */
#ifndef SAMMED2D_MODEL_H
#define SAMMED2D_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "sammed2d/error.h"
#include "sammed2d/view.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SM_MAX_DEPTH = 64,
    SM_MAX_POINTS = 256 /* in one prompt */
};

enum sm_resize {
    SM_RESIZE_SAM_MED2D, /* normalise, then nearest to the square; aspect not kept */
    SM_RESIZE_SAM,       /* longest side to S, bilinear; normalise; zero padding right and below */
    SM_RESIZE_MEDSAM     /* bicubic to the square, scaled to 0..1; no mean and std */
};

/* Which output is taken when nobody says. */
enum sm_multimask {
    SM_SINGLE_MASK,
    SM_BEST_OF_THREE,        /* by predicted IoU */
    SM_BEST_OF_THREE_IN_BOX, /* where the prompt has a box or a mask; else the single one: three guesses at a point are hard to
                                tell apart for a small network */
    SM_MASKS_BY_POINTS       /* the same; but where points correct a mask, the mean of the single one, the three, and these four
                                once more without the prompt's mask, weighed by predicted IoU and by how many of the points
                                they have on the wrong side */
};
/* What the weights file says, or one of enum sm_multimask. */
enum sm_choice { SM_CHOICE_DEFAULT, SM_CHOICE_NO, SM_CHOICE_YES, SM_CHOICE_IN_BOX, SM_CHOICE_BY_POINTS };

/* All that the weights file says about the network and how it wants to be fed. */
struct sm_config {
    int image_size, patch_size;
    int embed_dim, depth, num_heads, window_size, mlp_dim; /* image encoder; mlp_dim = 4 * embed_dim */
    bool global_attn[SM_MAX_DEPTH];                        /* per block; else windowed */
    bool adapter;       /* the encoder's blocks have adapters */
    int adapter_hidden; /* width of the adapter's channel gate: embed_dim / 4 in the reference */
    int prompt_dim;     /* C: neck, prompt encoder and decoder */
    int mask_in_chans;  /* 16: prompt_encoder.mask_downscaling */
    int decoder_depth, decoder_heads, decoder_mlp_dim, decoder_downsample; /* 2, 8, 2048, 2 */
    int mask_tokens;                      /* 4: one single-mask and three multi-mask outputs */
    int iou_head_depth, iou_head_hidden;  /* 3, 256 */
    float pixel_mean[3], pixel_std[3];    /* on 0..255 */
    enum sm_resize resize;
    struct sm_window normalization; /* default --window */
    enum sm_orient orientation;     /* default --orient */
    int multimask;                  /* default --multimask: enum sm_multimask */
    double zoom;                    /* default --zoom: what is in a box is looked at a second time, in a part of the picture
                                       so many times the box's size; 0: it is not */
    int mirrors;                    /* default --mirrors: 2 or 4: a picture is looked at in so many images of it, mirrored ones
                                       with itself, and the mean answer taken; 0: it is not */
    bool mask_prompt_logits;        /* mask prompts: logits (SAM) or sigmoids (SAM-Med2D) */
    char name[128], provenance[512], licence[256], source_sha256[65];
};

/* What the image encoder multiplies with. bf16 and int8 are faster where the CPU has
 * instructions for them, take a half and a quarter of the memory, and give slightly different masks
 * (sammed2d-model(7)); everything but the encoder's blocks' matrices stays float32. */
enum sm_precision { SM_PRECISION_FLOAT32, SM_PRECISION_BF16, SM_PRECISION_INT8 };
/* "float32", "bf16", "int8": as --precision has them, in the order of the enumeration; NULL at the end. */
const char *const *sm_precision_words(void);
const char *sm_precision_name(enum sm_precision precision);

struct sm_model;   /* weights; immutable after opening, may be shared by threads */
struct sm_session; /* activations: one arena, one thread of control at a time */

/* Reads a weights file (HDF5, see sammed2d-weights(5)). SM_WEIGHTS names file, tensor, found and
 * expected shape. Close with sm_model_close. */
enum sm_status sm_model_open(struct sm_model **model, const char *path, struct sm_err *err);
/* The same with the encoder in another precision than float32. A file may hold weights packed for one (`convert
 * --precision`): sm_model_open refuses it, the others take it as float32 or as that one. */
enum sm_status sm_model_open_as(struct sm_model **model, const char *path,
                                enum sm_precision precision, struct sm_err *err);
/* The same, but the encoder's tensors are only looked at by the first sm_encode, which may then fail as
 * opening would, and those that have to be copied are only by a session's second: for who may not need the encoder
 * at all, or once. */
enum sm_status sm_model_open_lazily(struct sm_model **model, const char *path,
                                    enum sm_precision precision, struct sm_err *err);
void sm_model_close(struct sm_model *model);
const struct sm_config *sm_model_config(const struct sm_model *model);
enum sm_precision sm_model_precision(const struct sm_model *model); /* of the encoder */

/* Arena for encoding max_batch pictures at a time and decoding max_prompts prompts at a time. No
 * later call allocates, but for sm_encode's resizing with SM_RESIZE_SAM and SM_RESIZE_MEDSAM, whose
 * buffers follow the picture's size. */
enum sm_status sm_session_open(struct sm_session **session, const struct sm_model *model,
                               int max_batch, int max_prompts, struct sm_err *err);
void sm_session_close(struct sm_session *session);

/* A picture as the volume half hands it over. */
struct sm_picture {
    int height, width, channels; /* channels 1 (grey, shown to all three) or 3 (RGB) */
    const uint8_t *pixels;       /* (height, width, channels) */
};

/* floats of one image embedding: G * G * C, laid out (G, G, C). */
size_t sm_embedding_floats(const struct sm_config *config);
/* Side of the low-res logits, L. */
int sm_low_res_side(const struct sm_config *config);

/* embeddings (count, G, G, C) of count <= max_batch pictures of any sizes. */
enum sm_status sm_encode(struct sm_session *session, const struct sm_picture *pictures, int count,
                         float *embeddings, struct sm_err *err);

/* One prompt on one picture, in pixels of the picture as it is (0-based pixel indices; the half
 * pixel is the prompt encoder's). A prompt may have points, a box and a mask in any combination. */
struct sm_prompt {
    int point_count;
    const float (*points)[2]; /* x, y */
    const int *point_labels;  /* 1 foreground, 0 background, -1 padding */
    const float *box;         /* x0, y0, x1, y1, or NULL */
    const float *mask;        /* (L, L) in the frame of the network's square, or NULL */
};

/* Chooses the picture that following sm_decode calls speak of: embedding (G, G, C) must stay alive;
 * height and width are the picture's own. What depends on the image only is computed here. */
enum sm_status sm_set_image(struct sm_session *session, const float *embedding, int height,
                            int width, struct sm_err *err);

/* N = count <= max_prompts prompts at once. low_res (N, M, L, L) logits, iou (N, M) predicted IoU;
 * M is 3 when multimask, else 1. */
enum sm_status sm_decode(struct sm_session *session, const struct sm_prompt *prompts, int count,
                         bool multimask, float *low_res, float *iou, struct sm_err *err);

/* low_res (L, L) to logits (height, width) of the picture: bilinear (align_corners false) to S x S,
 * the padding cut off (SM_RESIZE_SAM), bilinear to the picture's size. scratch: S * S floats. */
void sm_upsample(const struct sm_config *config, const float *low_res, int height, int width,
                 float *logits, float *scratch);

/* A full-size mask (height, width; logits or 0/1) as the (L, L) mask prompt: what sm_upsample would
 * undo, by area averaging. */
void sm_mask_to_low_res(const struct sm_config *config, const float *mask, int height, int width,
                        float *low_res);

#ifdef __cplusplus
}
#endif

#endif
