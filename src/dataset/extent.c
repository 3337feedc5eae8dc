#include "dataset/extent.h"
#include <stddef.h>

bool mask_extent(const uint8_t *mask, int height, int width, float box[4])
{
    int x0 = width, y0 = height, x1 = 0, y1 = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (mask[(size_t)y * (size_t)width + (size_t)x]) {
                x0 = x < x0 ? x : x0;
                x1 = x >= x1 ? x + 1 : x1;
                y0 = y < y0 ? y : y0;
                y1 = y + 1;
            }
    box[0] = (float)x0;
    box[1] = (float)y0;
    box[2] = (float)x1;
    box[3] = (float)y1;
    return x1 > 0;
}
