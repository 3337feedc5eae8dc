// The frames' pixels: bits, bytes or 16-bit label values.
#include <algorithm>
#include <cstring>

extern "C" {
#include "base/output.h"
}
#include "dicom/seg.h"

namespace dicom {

void seg_pack_bits(uint8_t *bits, size_t first, const uint8_t *pixels, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        size_t n = first + p;
        bits[n >> 3] |= (uint8_t)((pixels[p] != 0) << (n & 7));
    }
}

namespace {
// Label values of all objects on slice k; two bytes a pixel, the low one first, where they are wide.
void draw_labels(uint8_t *out, const SegPlan &plan, int k, std::vector<uint8_t> &buffer)
{
    size_t width = plan.wide() ? 2 : 1;
    for (size_t o = 0; o < plan.count; o++) {
        int number = plan.numbers[o];
        if (!number || !plan.objects[o].slice(plan.objects[o].context, k, buffer.data()))
            continue;
        for (size_t p = 0; p < plan.pixels; p++)
            if (buffer[p]) {
                out[p * width] = (uint8_t)number;
                if (width == 2)
                    out[p * width + 1] = (uint8_t)(number >> 8);
            }
    }
}

// Frame f as the `place`th of a batch.
void draw(uint8_t *batch, size_t place, size_t f, const SegPlan &plan, std::vector<uint8_t> &buffer)
{
    const SegFrame &frame = plan.frames[f];
    if (frame.object < 0) {
        draw_labels(batch + place * plan.pixels * (plan.wide() ? 2 : 1), plan, frame.slice, buffer);
        return;
    }
    const struct sm_seg_object &object = plan.objects[frame.object];
    object.slice(object.context, frame.slice, buffer.data());
    if (plan.options->type == SM_SEG_BINARY)
        seg_pack_bits(batch, place * plan.pixels, buffer.data(), plan.pixels);
    else
        memcpy(batch + place * plan.pixels, buffer.data(), plan.pixels);
}

enum sm_status write_header(struct output &output, const SegPlan &plan, struct sm_err *err)
{
    size_t bytes = plan.pixel_bytes();
    const uint8_t header[12] = {0xe0, 0x7f, 0x10, 0x00, 'O', (uint8_t)(plan.wide() ? 'W' : 'B'), 0, 0,
                                (uint8_t)bytes, (uint8_t)(bytes >> 8), (uint8_t)(bytes >> 16),
                                (uint8_t)(bytes >> 24)};
    return output_write(&output, header, sizeof header, err);
}
} // namespace

enum sm_status seg_write_pixels(struct output &output, const SegPlan &plan, struct sm_err *err)
{
    enum { BATCH = 8 }; // frames: so many end on a byte, whatever their size
    size_t left = plan.pixel_bytes();
    size_t full = plan.options->type == SM_SEG_BINARY ? plan.pixels
                                                      : BATCH * plan.pixels * (plan.wide() ? 2 : 1);
    std::vector<uint8_t> buffer(plan.pixels), batch(full + 1); // and the byte that makes it even
    enum sm_status status = write_header(output, plan, err);
    for (size_t f = 0; !status && f < plan.frames.size(); f += BATCH) {
        size_t count = std::min<size_t>(BATCH, plan.frames.size() - f);
        std::fill(batch.begin(), batch.end(), 0);
        for (size_t place = 0; place < count; place++)
            draw(batch.data(), place, f + place, plan, buffer);
        size_t bytes = f + count < plan.frames.size() ? full : left;
        status = output_write(&output, batch.data(), bytes, err);
        left -= bytes;
    }
    return status;
}

} // namespace dicom
