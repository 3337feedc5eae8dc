/* nn/between.h - where bilinear interpolation takes its values from, for resize.c both ways. */
#ifndef NN_BETWEEN_H
#define NN_BETWEEN_H

/* The two source places of one output place, and the weight of the second. torch computes them in
 * float32, and so does this: low = max(scale * (o + 0.5) - 0.5, 0). */
struct between {
    int low, high;
    float weight;
};

static inline struct between between_at(int o, float scale, int size)
{
    float at = scale * ((float)o + 0.5f) - 0.5f;
    at = at < 0.0f ? 0.0f : at;
    int low = (int)at < size - 1 ? (int)at : size - 1;
    float weight = at - (float)low;
    return (struct between){low, low + (low < size - 1), weight < 1.0f ? weight : 1.0f};
}
#endif
