/* lib/hash_weights.h - weights made by a hash of their name: exactly the same in any language.
 *
 * The rule is tests/golden/README.md's: value = (float)(center + scale * u) in double without fused
 * multiply-add, u in [-1, 1) from a hash of the tensor's state_dict name, the index and the seed.
 */
#ifndef LIB_HASH_WEIGHTS_H
#define LIB_HASH_WEIGHTS_H

#include <stdint.h>
#include "model/weights.h"

uint64_t hash_name(const char *name);
uint64_t hash_mix(uint64_t x);

/* out (product of dim), PyTorch's layout. */
void hash_fill(float *out, const char *name, int rank, const int64_t *dim, uint64_t seed);

/* A source of all tensors for model_from_source; *seed must stay alive. */
struct tensor_source hash_source(uint64_t *seed);
#endif
