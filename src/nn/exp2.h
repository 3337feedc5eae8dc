/* nn/exp2.h - included by simd_loops.h and gemm_loops.h, with NAME(f) as there. No include guard: that
 * is the point.
 */
#define EXP2_LOW -126.0f
#define EXP2_ROUNDER 12583039.0f /* 1.5 * 2^23 + 127: adding it rounds to an integer, biased as exponents are */

/* 2^x for x <= 0, within 1 ulp; below -126: 2^-126. 2^k 2^r, |r| <= 1/2, the coefficients of an
 * equal-ripple fit. */
static inline float NAME(exp2)(float x)
{
    float held = x < EXP2_LOW ? EXP2_LOW : x; /* not-a-number stays */
    float shifted = held + EXP2_ROUNDER;      /* k + 127 sits in the low bits of the mantissa */
    float r = held - (shifted - EXP2_ROUNDER), power, p = 0.000153473200f;
    p = p * r + 0.00134001544f;
    p = p * r + 0.00961848442f;
    p = p * r + 0.0555032790f;
    p = p * r + 0.240226462f;
    p = p * r + 0.693147182f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof(bits));
    bits <<= 23;
    memcpy(&power, &bits, sizeof(power));
    return p * power;
}

#undef EXP2_LOW
#undef EXP2_ROUNDER
