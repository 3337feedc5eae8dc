/* base/half.h - the two 16-bit floating-point formats, to and from float32.
 *
 * float16 is IEEE 754 binary16, bfloat16 the upper half of a float32. Narrowing rounds to nearest,
 * ties to even, as PyTorch does; what is too large for float16 becomes infinite.
 */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>

float half_to_float(uint16_t half);
uint16_t half_from_float(float value);
float bfloat_to_float(uint16_t bfloat);
uint16_t bfloat_from_float(float value);

#endif
