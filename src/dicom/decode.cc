#include "dicom/decode.h"

#include <cstring>

namespace dicom {

size_t bytes_per_pixel(const Instance &instance)
{
    return (size_t)instance.bits_allocated / 8;
}

size_t bytes_per_frame(const Instance &instance)
{
    return bytes_per_pixel(instance) * (size_t)instance.rows * (size_t)instance.columns;
}

Decoder::Decoder(const Instance &instance) : instance_(instance), bytes_(instance.file) {}

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
    if (!bytes_.read(pixels.offset + (uint64_t)number * size, out, size)) {
        reason = "its pixel data cannot be read any more";
        return false;
    }
    if (pixels.big_endian && width > 1)
        swap_bytes(out, size, width);
    // 8-bit pixels in 16-bit words: the first pixel is in the low byte. Frames of an odd size begin and end
    // in the middle of a word.
    if (!pixels.big_endian || width > 1 || pixels.bytes_vr)
        return true;
    uint64_t first = (uint64_t)number * size;
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

namespace {
struct Codec {
    const char *syntax; // the beginning of the transfer syntax UID
    bool (*decode)(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                   std::string &reason);
};
} // namespace

static const Codec CODECS[] = {
    {"1.2.840.10008.1.2.5", decode_rle},
    {"1.2.840.10008.1.2.4.9", decode_jpeg2000},
    {"1.2.840.10008.1.2.4.", decode_jpeg},
};

bool Decoder::packed(int number, uint8_t *out, std::string &reason)
{
    std::vector<uint8_t> stream;
    if (fragments_.empty())
        fragments_ = frame_fragments(bytes_, instance_.pixels, instance_.frames);
    if (!frame_stream(bytes_, fragments_, number, stream, reason))
        return false;
    for (const Codec &codec : CODECS)
        if (instance_.transfer_syntax.rfind(codec.syntax, 0) == 0)
            return codec.decode(stream, instance_, out, reason);
    reason = "its pixel data is packed in a way that its transfer syntax does not allow";
    return false;
}

// Of each word, the stored bits: overlays above them are cut off, and signs repeated.
template <typename Stored> static void take_bits(uint8_t *bytes, size_t count, const Instance &instance)
{
    Stored *values = reinterpret_cast<Stored *>(bytes), used = 0;
    int bits = instance.bits_stored, low = instance.high_bit + 1 - bits;
    Stored mask = (Stored) (((Stored) 1 << bits) - 1), sign = (Stored) ((Stored) 1 << (bits - 1));
    for (size_t p = 0; p < count && instance.bits_above; p++)
        values[p] = (Stored) (values[p] >> low & mask);
    for (size_t p = 0; p < count; p++)
        used = (Stored) (used | values[p]);
    if (!instance.is_signed || used >> bits != 0 || !(used & sign)) // extended already, or nothing negative
        return;
    for (size_t p = 0; p < count; p++)
        values[p] = (Stored) ((values[p] ^ sign) - sign);
}

// Values may be stored in fewer bits than are allocated, and signed ones without their sign above.
static void take_stored_bits(const Instance &instance, uint8_t *out)
{
    int bits = instance.bits_stored, allocated = instance.bits_allocated;
    size_t count = (size_t)instance.rows * (size_t)instance.columns;
    bool inside = bits >= 1 && bits < allocated && instance.high_bit + 1 >= bits &&
                  instance.high_bit < allocated;
    if (!inside || instance.pixels.kind != PixelKind::Integer ||
        !(instance.is_signed || instance.bits_above))
        return;
    if (allocated == 8)
        take_bits<uint8_t>(out, count, instance);
    else if (allocated == 16)
        take_bits<uint16_t>(out, count, instance);
    else
        take_bits<uint32_t>(out, count, instance);
}

bool Decoder::frame(int number, uint8_t *out, std::string &reason)
{
    if (!bytes_.ok()) {
        reason = bytes_.problem();
        return false;
    }
    bool done = instance_.pixels.encapsulated ? packed(number, out, reason) : native(number, out, reason);
    if (done)
        take_stored_bits(instance_, out);
    return done;
}

} // namespace dicom
