#include "dicom/decode.h"

#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcpixel.h>

#include "dicom/load.h"

namespace dicom {

size_t bytes_per_pixel(const Instance &instance)
{
    return (size_t) instance.bits_allocated / 8;
}

size_t bytes_per_frame(const Instance &instance)
{
    return bytes_per_pixel(instance) * (size_t) instance.rows * (size_t) instance.columns;
}

Decoder::Decoder(const Instance &instance) : instance_(instance), bytes_(instance.file) {}
Decoder::~Decoder() = default;

static void swap_bytes(uint8_t *bytes, size_t size, size_t width)
{
    for (size_t at = 0; at + width <= size; at += width)
        for (size_t i = 0; i < width / 2; i++)
            std::swap(bytes[at + i], bytes[at + width - 1 - i]);
}

bool Decoder::native(int number, uint8_t *out, std::string &reason)
{
    const PixelPlace &pixels = instance_.pixels;
    size_t size = bytes_per_frame(instance_), width = bytes_per_pixel(instance_);
    if (!bytes_.read(pixels.offset + (uint64_t) number * size, out, size)) {
        reason = "its pixel data cannot be read any more";
        return false;
    }
    if (pixels.big_endian && width > 1)
        swap_bytes(out, size, width);
    // 8-bit pixels in 16-bit words: the first pixel is in the low byte. Frames of an odd size begin and end
    // in the middle of a word.
    if (!pixels.big_endian || width > 1 || pixels.bytes_vr)
        return true;
    uint64_t first = (uint64_t) number * size;
    for (uint64_t at = first; at < first + size; at++) {
        uint64_t other = at ^ 1;
        if (other < first || other >= first + size) {
            if (!bytes_.read(pixels.offset + other, &out[at - first], 1)) {
                reason = "its pixel data end in the middle of a word";
                return false;
            }
        } else if (other > at) {
            std::swap(out[at - first], out[other - first]);
        }
    }
    return true;
}

bool Decoder::load(std::string &reason)
{
    if (format_)
        return true;
    format_ = load_whole(bytes_, instance_.file, reason);
    return format_ != nullptr;
}

bool Decoder::stream_of(int number, std::vector<uint8_t> &stream, std::string &reason)
{
    if (fragments_.empty())
        fragments_ = frame_fragments(bytes_, instance_.pixels, instance_.frames);
    if ((size_t) number >= fragments_.size()) {
        reason = "its frames cannot be found in the compressed data";
        return false;
    }
    for (const Span &span : fragments_[(size_t) number]) {
        size_t before = stream.size();
        stream.resize(before + span.length);
        if (!bytes_.read(span.offset, stream.data() + before, span.length)) {
            reason = "its pixel data cannot be read any more";
            return false;
        }
    }
    return true;
}

static bool is_rle(const Instance &instance)
{
    return instance.transfer_syntax == "1.2.840.10008.1.2.5";
}

static bool is_jpeg2000(const Instance &instance)
{
    return instance.transfer_syntax == "1.2.840.10008.1.2.4.90" ||
           instance.transfer_syntax == "1.2.840.10008.1.2.4.91";
}

bool Decoder::own_codec(int number, uint8_t *out, std::string &reason)
{
    std::vector<uint8_t> stream;
    if (!stream_of(number, stream, reason))
        return false;
    return is_rle(instance_) ? decode_rle(stream, instance_, out, reason)
                             : decode_jpeg2000(stream, instance_, out, reason);
}

bool Decoder::through_dcmtk(int number, uint8_t *out, std::string &reason)
{
    if (!load(reason))
        return false;
    DcmDataset &data = *format_->getDataset();
    DcmElement *element = nullptr;
    size_t size = bytes_per_frame(instance_);
    std::vector<uint8_t> even(size + (size & 1)); // DCMTK writes whole words
    Uint32 fragment = (Uint32) next_fragment_;
    OFString model;
    OFCondition result = data.findAndGetElement(DCM_PixelData, element);
    if (result.good())
        result = element->getUncompressedFrame(&data, (Uint32) number, fragment, even.data(),
                                               (Uint32) even.size(), model);
    if (result.bad()) {
        reason = std::string("its pixel data cannot be decompressed (") + result.text() + ")";
        return false;
    }
    next_fragment_ = fragment;
    memcpy(out, even.data(), size);
    return true;
}

bool Decoder::inflated(int number, uint8_t *out, std::string &reason)
{
    if (!load(reason))
        return false;
    static const uint16_t NUMBERS[] = {0, 0x0010, 0x0008, 0x0009}; // by PixelKind
    DcmElement *element = nullptr;
    size_t size = bytes_per_frame(instance_);
    DcmTagKey tag(0x7fe0, NUMBERS[(int) instance_.pixels.kind]);
    OFCondition result = format_->getDataset()->findAndGetElement(tag, element);
    if (result.good())
        result = element->getPartialValue(out, (Uint32) ((size_t) number * size), (Uint32) size,
                                          nullptr, gLocalByteOrder);
    if (result.bad())
        reason = std::string("its pixel data cannot be inflated (") + result.text() + ")";
    return result.good();
}

template <typename Stored> static void extend(uint8_t *bytes, size_t count, int bits)
{
    Stored *values = reinterpret_cast<Stored *>(bytes), used = 0;
    for (size_t p = 0; p < count; p++)
        used = (Stored) (used | values[p]);
    Stored sign = (Stored) ((Stored) 1 << (bits - 1));
    if (used >> bits != 0 || !(used & sign)) // extended already, or nothing negative
        return;
    for (size_t p = 0; p < count; p++)
        values[p] = (Stored) ((values[p] ^ sign) - sign);
}

// Signed values may be stored in fewer bits than are allocated, without their sign repeated above.
static void extend_signs(const Instance &instance, uint8_t *out)
{
    int bits = instance.bits_stored, allocated = instance.bits_allocated;
    size_t count = (size_t) instance.rows * (size_t) instance.columns;
    if (!instance.is_signed || instance.pixels.kind != PixelKind::Integer || bits < 1 ||
        bits >= allocated)
        return;
    if (allocated == 8)
        extend<uint8_t>(out, count, bits);
    else if (allocated == 16)
        extend<uint16_t>(out, count, bits);
    else
        extend<uint32_t>(out, count, bits);
}

bool Decoder::frame(int number, uint8_t *out, std::string &reason)
{
    if (!bytes_.ok()) {
        reason = bytes_.problem();
        return false;
    }
    bool own = is_rle(instance_) || is_jpeg2000(instance_);
    bool done = instance_.pixels.inflated        ? inflated(number, out, reason)
                : !instance_.pixels.encapsulated ? native(number, out, reason)
                : own                            ? own_codec(number, out, reason)
                                                 : through_dcmtk(number, out, reason);
    if (done)
        extend_signs(instance_, out);
    return done;
}

} // namespace dicom
