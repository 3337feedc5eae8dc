#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/load.h"
#include "dicom/seg_read.h"

namespace dicom {

static const char RLE[] = "1.2.840.10008.1.2.5";
static const size_t RLE_HEADER = 64;
static const uint64_t RLE_TIGHTEST = 64;  // two bytes that stand for 128
static const uint64_t MODEST_FRAME = (uint64_t)16 << 20, TIGHTEST_PACKING = 1000;

SegPixels::SegPixels(const Seg &seg, const MaskRequest &request) : seg_(seg), request_(request) {}
SegPixels::~SegPixels() = default;

static void unpack_bits(const uint8_t *bytes, size_t first_bit, std::vector<uint16_t> &values)
{
    for (size_t p = 0; p < values.size(); p++) {
        size_t bit = first_bit + p;
        if ((bit & 7) == 0 && bytes[bit >> 3] == 0 && p + 8 <= values.size()) {
            memset(&values[p], 0, 8 * sizeof values[p]);
            p += 7;
            continue;
        }
        values[p] = bytes[bit >> 3] >> (bit & 7) & 1;
    }
}

// Native pixel data: bits run on over the borders of frames, the least significant first; big endian has
// them in 16-bit words (PS3.5 8.1.1, 8.2, annex A.3).
bool SegPixels::bits(int number, std::string &reason)
{
    const PixelPlace &pixels = seg_.instance.pixels;
    uint64_t first = (uint64_t)number * values_.size(), last = first + values_.size() - 1;
    uint64_t from = first / 8, to = last / 8 + 1;
    bool swapped = pixels.big_endian && !pixels.bytes_vr;
    if (swapped) { // whole words
        from &= ~(uint64_t)1;
        to += to & 1;
    }
    raw_.resize(to - from);
    if (to > pixels.length || !request_.bytes.read(pixels.offset + from, raw_.data(), raw_.size())) {
        reason = "its pixel data cannot be read any more";
        return false;
    }
    for (size_t at = 0; swapped && at + 2 <= raw_.size(); at += 2)
        std::swap(raw_[at], raw_[at + 1]);
    unpack_bits(raw_.data(), (size_t)(first - from * 8), values_);
    return true;
}

// PackBits, PS3.5 annex G.3. False when the input ends first.
static bool unpack_rle(const uint8_t *in, size_t count, std::vector<uint8_t> &out)
{
    size_t at = 0, made = 0;
    while (made < out.size()) {
        if (at + 1 >= count)
            return false;
        int8_t code = (int8_t)in[at++];
        size_t run = code >= 0 ? (size_t)code + 1 : (size_t)-code + 1;
        if (code == -128)
            continue;
        if (code >= 0 && run > count - at)
            return false;
        if (run > out.size() - made)
            run = out.size() - made;
        if (code >= 0)
            memcpy(&out[made], in + at, run);
        else
            memset(&out[made], in[at], run);
        at += code >= 0 ? (size_t)code + 1 : 1;
        made += run;
    }
    return true;
}

// Bits compressed frame by frame: RLE of the packed bytes. The standard has no such thing for one bit a
// pixel, but files like this exist.
bool SegPixels::packed_bits(int number, std::string &reason)
{
    if (seg_.instance.transfer_syntax != RLE) {
        reason = "one bit a pixel in this transfer syntax is not read";
        return false;
    }
    if (fragments_.empty())
        fragments_ = frame_fragments(request_.bytes, seg_.instance.pixels, seg_.instance.frames);
    std::vector<uint8_t> packed;
    if (!frame_stream(request_.bytes, fragments_, number, packed, reason))
        return false;
    size_t bytes = (values_.size() + 7) / 8;
    reason = "its RLE pixel data are damaged";
    if (packed.size() < RLE_HEADER || bytes / RLE_TIGHTEST > packed.size())
        return false;
    size_t start = packed[4] | (size_t)packed[5] << 8 | (size_t)packed[6] << 16 | (size_t)packed[7] << 24;
    if (packed[0] != 1 || start < RLE_HEADER || start >= packed.size())
        return false;
    raw_.resize(bytes);
    if (!unpack_rle(packed.data() + start, packed.size() - start, raw_))
        return false;
    unpack_bits(raw_.data(), 0, values_);
    return true;
}

bool SegPixels::whole_values(int number, std::string &reason)
{
    const Instance &instance = seg_.instance;
    size_t size = bytes_per_frame(instance);
    if (instance.pixels.encapsulated && size > MODEST_FRAME &&
        size / TIGHTEST_PACKING > instance.pixels.length) {
        reason = "so few compressed bytes cannot be frames of that size";
        return false;
    }
    if (!decoder_)
        decoder_ = std::make_unique<Decoder>(instance);
    raw_.resize(size + (size & 1));
    if (!decoder_->frame(number, raw_.data(), reason))
        return false;
    for (size_t p = 0; p < values_.size(); p++) {
        uint16_t value = raw_[p];
        if (instance.bits_allocated == 16)
            memcpy(&value, &raw_[2 * p], sizeof value);
        values_[p] = value;
    }
    return true;
}

bool SegPixels::frame(int number, std::string &reason)
{
    const Instance &instance = seg_.instance;
    values_.resize((size_t)instance.rows * (size_t)instance.columns);
    bool read = instance.bits_allocated > 1 ? whole_values(number, reason)
                : instance.pixels.encapsulated ? packed_bits(number, reason)
                                               : bits(number, reason);
    for (size_t p = 0; read && seg_.kind != SegKind::LabelMap && p < values_.size(); p++)
        values_[p] = seg_.kind == SegKind::Binary ? values_[p] != 0
                                                  : values_[p] > 0 && 2.0 * values_[p] >= seg_.maximum;
    return read;
}

} // namespace dicom
