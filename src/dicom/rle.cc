// RLE Lossless, PS3.5 Annex G: one segment a byte plane, the most significant first, each packed as in
// PackBits. Decoded here because DCMTK 3.6.7 reads past the end of damaged segments.
#include "dicom/decode.h"

namespace dicom {

static const size_t HEADER = 64; // the number of segments and 15 offsets, little endian

static uint32_t word(const std::vector<uint8_t> &bytes, size_t at)
{
    return bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
           (uint32_t)bytes[at + 3] << 24;
}

// Every step-th byte of out, `count` of them. False when the segment ends too early.
static bool unpack(const std::vector<uint8_t> &stream, size_t at, size_t end, uint8_t *out, size_t step,
                   size_t count)
{
    size_t done = 0;
    while (done < count && at < end) {
        int control = (int8_t)stream[at++];
        if (control == -128)
            continue;
        size_t run = control >= 0 ? (size_t)control + 1 : (size_t)(1 - control);
        size_t needed = control >= 0 ? run : 1;
        if (needed > end - at)
            return false;
        for (size_t i = 0; i < run && done < count; i++, done++)
            out[done * step] = stream[control >= 0 ? at + i : at];
        at += needed;
    }
    return done == count;
}

bool decode_rle(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                std::string &reason)
{
    size_t width = bytes_per_pixel(instance);
    size_t count = (size_t)instance.rows * (size_t)instance.columns;
    reason = "its RLE data is damaged or cut short";
    if (stream.size() < HEADER || word(stream, 0) != width)
        return false;
    for (size_t plane = 0; plane < width; plane++) {
        size_t at = word(stream, 4 + 4 * plane);
        size_t end = plane + 1 < width ? word(stream, 8 + 4 * plane) : stream.size();
        if (at < HEADER || at > end || end > stream.size() ||
            !unpack(stream, at, end, out + (width - 1 - plane), width, count))
            return false;
    }
    reason.clear();
    return true;
}

} // namespace dicom
