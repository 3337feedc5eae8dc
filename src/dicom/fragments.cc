#include "dicom/decode.h"

#include <algorithm>

namespace dicom {

static uint64_t little(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

// All items; the first is the basic offset table, which may be empty.
static std::vector<Span> items_of(const Bytes &bytes, const PixelPlace &pixels)
{
    std::vector<Span> items;
    uint64_t at = pixels.offset;
    uint8_t raw[8];
    while (bytes.read(at, raw, sizeof raw) && little(raw, 4) == 0xe000fffeu) {
        uint64_t length = little(raw + 4, 4);
        if (length > bytes.size() - at - 8)
            break;
        items.push_back({at + 8, length});
        at += 8 + length;
    }
    return items;
}

static std::vector<uint64_t> table_at(const Bytes &bytes, uint64_t offset, uint64_t entries, int width)
{
    std::vector<uint64_t> table;
    uint8_t raw[8];
    for (uint64_t e = 0; e < entries; e++) {
        if (!bytes.read(offset + e * (uint64_t)width, raw, (size_t)width))
            return {};
        table.push_back(little(raw, width));
    }
    return table;
}

// Offsets count from the first byte of the first fragment's item header.
static std::vector<std::vector<Span>> by_table(const std::vector<Span> &fragments,
                                               const std::vector<uint64_t> &table)
{
    std::vector<std::vector<Span>> frames;
    uint64_t base = fragments[0].offset - 8;
    size_t at = 0;
    for (size_t f = 0; f < table.size(); f++) {
        uint64_t end = f + 1 < table.size() ? table[f + 1] : UINT64_MAX;
        if (at >= fragments.size() || fragments[at].offset - 8 - base != table[f])
            return {};
        frames.emplace_back();
        while (at < fragments.size() && fragments[at].offset - 8 - base < end)
            frames.back().push_back(fragments[at++]);
    }
    return at == fragments.size() ? frames : std::vector<std::vector<Span>>();
}

// JPEG and JPEG-LS (SOI and another marker), JPEG 2000 (SOC and SIZ), JP2. None of these bytes occur in the
// middle of one but by a chance of one to billions.
static bool begins_stream(const uint8_t start[12])
{
    return little(start, 3) == 0xffd8ffu || little(start, 4) == 0x51ff4fffu ||
           little(start + 4, 4) == 0x2020506au;
}

// Without a table a frame begins where a code stream does.
static std::vector<std::vector<Span>> by_start(const Bytes &bytes, const std::vector<Span> &fragments)
{
    std::vector<std::vector<Span>> frames;
    for (const Span &fragment : fragments) {
        uint8_t raw[12] = {};
        size_t have = (size_t)std::min<uint64_t>(sizeof raw, fragment.length);
        bool stream = bytes.read(fragment.offset, raw, have) && begins_stream(raw);
        if (stream || frames.empty())
            frames.emplace_back();
        frames.back().push_back(fragment);
    }
    return frames;
}

std::vector<std::vector<Span>> frame_fragments(const Bytes &bytes, const PixelPlace &pixels, int frames)
{
    std::vector<Span> items = items_of(bytes, pixels);
    if (items.size() < 2)
        return {};
    std::vector<Span> fragments(items.begin() + 1, items.end());
    size_t wanted = (size_t)frames;
    if (frames == 1)
        return {fragments};
    if (pixels.extended_count == wanted) {
        auto made = by_table(fragments, table_at(bytes, pixels.extended_table, wanted, 8));
        if (made.size() == wanted)
            return made;
    }
    if (items[0].length == 4 * (uint64_t)wanted) {
        auto made = by_table(fragments, table_at(bytes, items[0].offset, wanted, 4));
        if (made.size() == wanted)
            return made;
    }
    if (fragments.size() == wanted) {
        std::vector<std::vector<Span>> made;
        for (const Span &fragment : fragments)
            made.push_back({fragment});
        return made;
    }
    auto made = by_start(bytes, fragments);
    return made.size() == wanted ? made : std::vector<std::vector<Span>>();
}

bool frame_stream(const Bytes &bytes, const std::vector<std::vector<Span>> &fragments, int number,
                  std::vector<uint8_t> &stream, std::string &reason)
{
    if ((size_t)number >= fragments.size()) {
        reason = "its frames cannot be found in the compressed data";
        return false;
    }
    for (const Span &span : fragments[(size_t)number]) {
        size_t before = stream.size();
        stream.resize(before + span.length);
        if (!bytes.read(span.offset, stream.data() + before, span.length)) {
            reason = "its pixel data cannot be read any more";
            return false;
        }
    }
    return true;
}

} // namespace dicom
