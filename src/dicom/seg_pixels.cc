// The frames' pixels: bits, bytes or 16-bit label values.
#include <cstring>
#include <memory>
#include <new>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcpixel.h>

#include "dicom/seg.h"

namespace dicom {

void seg_pack_bits(uint8_t *bits, size_t first, const uint8_t *pixels, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        size_t n = first + p;
        bits[n >> 3] |= (uint8_t) ((pixels[p] != 0) << (n & 7));
    }
}

template <typename Label>
static void add_labels(Label *out, const SegPlan &plan, int k, std::vector<uint8_t> &buffer)
{
    for (size_t o = 0; o < plan.count; o++) {
        if (!plan.numbers[o] || !plan.objects[o].slice(plan.objects[o].context, k, buffer.data()))
            continue;
        for (size_t p = 0; p < plan.pixels; p++)
            if (buffer[p])
                out[p] = (Label) plan.numbers[o];
    }
}

static void fill(void *value, const SegPlan &plan)
{
    std::vector<uint8_t> buffer(plan.pixels);
    uint8_t *bytes = (uint8_t *) value;
    for (size_t f = 0; f < plan.frames.size(); f++) {
        const SegFrame &frame = plan.frames[f];
        if (frame.object < 0) {
            if (plan.wide())
                add_labels((uint16_t *) value + f * plan.pixels, plan, frame.slice, buffer);
            else
                add_labels(bytes + f * plan.pixels, plan, frame.slice, buffer);
            continue;
        }
        const struct sm_seg_object &object = plan.objects[frame.object];
        object.slice(object.context, frame.slice, buffer.data());
        if (plan.options->type == SM_SEG_BINARY)
            seg_pack_bits(bytes, f * plan.pixels, buffer.data(), plan.pixels);
        else
            memcpy(bytes + f * plan.pixels, buffer.data(), plan.pixels);
    }
}

void seg_add_pixels(DcmDataset &data, const SegPlan &plan)
{
    size_t bytes = plan.pixel_bytes();
    auto element = std::make_unique<DcmPixelData>(DcmTag(DCM_PixelData, plan.wide() ? EVR_OW : EVR_OB));
    void *value = nullptr;
    if (plan.wide()) {
        Uint16 *words = nullptr;
        element->createUint16Array((Uint32) (bytes / 2), words);
        value = words;
    } else {
        Uint8 *array = nullptr;
        element->createUint8Array((Uint32) bytes, array);
        value = array;
    }
    if (!value)
        throw std::bad_alloc();
    memset(value, 0, bytes);
    fill(value, plan);
    if (data.insert(element.get(), OFTrue).bad())
        throw std::bad_alloc();
    element.release();
}

} // namespace dicom
