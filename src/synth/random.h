/* synth/random.h - random numbers by splitmix64 (Steele, Lea and Flood 2014): small, quick, the same
 * everywhere.
 */
#ifndef SYNTH_RANDOM_H
#define SYNTH_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* A series of its own for (seed, number). */
static inline struct rng rng_of(uint64_t seed, uint64_t number)
{
    struct rng rng = {seed};
    rng.state = rng_next(&rng) ^ number * 0xD1342543DE82EF95u;
    rng_next(&rng);
    return rng;
}

/* [0, 1) */
static inline float rng_unit(struct rng *rng)
{
    return (float)(rng_next(rng) >> 40) * 0x1p-24f;
}
static inline float rng_between(struct rng *rng, float low, float high)
{
    return low + (high - low) * rng_unit(rng);
}
/* Each octave as likely as the other. */
static inline float rng_log_between(struct rng *rng, float low, float high)
{
    return low * powf(high / low, rng_unit(rng));
}
/* low <= result <= high */
static inline int rng_int(struct rng *rng, int low, int high)
{
    return low + (int)(rng_next(rng) >> 33) % (high - low + 1);
}
static inline bool rng_chance(struct rng *rng, float probability)
{
    return rng_unit(rng) < probability;
}
/* Mean 0, standard deviation 1, near enough to normal for pictures: the sum of four uniform numbers (Irwin
 * and Hall), never beyond 3.47. */
static inline float rng_normal(struct rng *rng)
{
    uint64_t x = rng_next(rng);
    int sum = (int)(x & 0xFFFF) + (int)(x >> 16 & 0xFFFF) + (int)(x >> 32 & 0xFFFF) + (int)(x >> 48);
    return ((float)sum - 131070.0f) * (1.7320508f / 65536.0f);
}

#endif
