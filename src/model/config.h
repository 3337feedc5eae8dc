/* model/config.h - the configuration: presets, attributes of a file, sanity. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "h5/h5.h"
#include "sammed2d/model.h"

/* The published shapes at 256 px with SAM-Med2D's way of being fed: "vit_b", "vit_l", "vit_h"; and smaller ones of
 * the same architecture to be trained from nothing: "tiny", "small", "medium", "fine".
 * False when the name is unknown. Without adapters unless `adapter`. */
bool config_preset(struct sm_config *config, const char *name, int image_size, bool adapter);

/* Root attributes of a weights file (sammed2d-weights(5)) over what *config holds. An attribute that
 * is absent is SM_WEIGHTS when `complete`, and leaves *config as it is when not. Numbers are checked
 * for range and for each other, so that no later product of them overflows; global_attn and mlp_dim
 * are filled in. */
enum sm_status config_read(struct sm_config *config, const struct h5 *file, bool complete,
                           struct sm_err *err);

/* The numbers among these attributes, */
enum sm_status config_write(const struct sm_config *config, struct h5_out *out, struct sm_err *err);
/* and the texts, for who has them in a configuration: the maker of a file from a checkpoint has his own. */
enum sm_status config_write_texts(const struct sm_config *config, struct h5_out *out, struct sm_err *err);

/* What of the architecture, or of how the network is fed, differs first, by its attribute's name; NULL: nothing. */
const char *config_difference(const struct sm_config *a, const struct sm_config *b);

/* The checks alone; `path` is for the message. */
enum sm_status config_check(const struct sm_config *config, const char *path, struct sm_err *err);
#endif
