#include "dicom/inflate.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace dicom {

static const uint64_t LARGEST = (uint64_t)2 << 30;
static const uint64_t SUSPICIOUS = (uint64_t)64 << 20;
static const uint64_t TIGHTEST_PACKING = 200;
static const size_t PIECE = (size_t)1 << 20;
static const char DEFLATED[] = "1.2.840.10008.1.2.1.99", PLAIN[] = "1.2.840.10008.1.2.1\0\0"; // as long
static const uint32_t UID_LENGTH = sizeof DEFLATED - 1;

bool is_bomb(uint64_t packed, uint64_t unpacked)
{
    return unpacked > LARGEST || (unpacked > SUSPICIOUS && unpacked / TIGHTEST_PACKING > packed);
}

std::string bomb_reason(uint64_t packed)
{
    uint64_t most = packed > SUSPICIOUS / TIGHTEST_PACKING ? TIGHTEST_PACKING * packed : SUSPICIOUS;
    return "unreadable: its " + std::to_string(packed) + " packed bytes would unpack to more than " +
           std::to_string((most < LARGEST ? most : LARGEST) >> 20) +
           " MiB, which no image does; unpack it yourself if you trust it";
}

static uint32_t little(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

static bool has_long_header(const uint8_t *vr)
{
    static const char *const LONG[] = {"OB", "OW", "OF", "OD", "OL", "SQ", "UN", "UT", "UC", "UR"};
    for (const char *known : LONG)
        if (memcmp(vr, known, 2) == 0)
            return true;
    return false;
}

static bool is_deflated_uid(const uint8_t *value, uint32_t length)
{
    if (length < UID_LENGTH || memcmp(value, DEFLATED, UID_LENGTH) != 0)
        return false;
    for (uint32_t i = UID_LENGTH; i < length; i++)
        if (value[i] != 0 && value[i] != ' ')
            return false;
    return true;
}

// Walks group 2, which is explicit VR little endian in every file (PS3.10 7.1).
uint64_t deflated_from(const std::vector<uint8_t> &start, uint64_t &syntax_at)
{
    bool preamble = start.size() >= 132 && memcmp(&start[128], "DICM", 4) == 0;
    size_t at = preamble ? 132 : 0;
    bool deflated = false;
    while (at + 12 <= start.size() && little(&start[at], 2) == 0x0002) {
        bool wide = has_long_header(&start[at + 4]);
        uint32_t length = little(&start[at + (wide ? 8 : 6)], wide ? 4 : 2);
        size_t value = at + (wide ? 12 : 8);
        if (value > start.size() || length > start.size() - value)
            return 0;
        if (little(&start[at + 2], 2) == 0x0010 && is_deflated_uid(&start[value], length)) {
            deflated = true;
            syntax_at = value;
        }
        at = value + length;
    }
    return deflated ? at : 0;
}

namespace {
struct Stream {
    z_stream z = {};
    bool ready = inflateInit2(&z, -MAX_WBITS) == Z_OK;
    ~Stream() { inflateEnd(&z); }
};
} // namespace

std::string inflate_data_set(const std::vector<uint8_t> &file, uint64_t from, uint64_t syntax_at,
                             std::vector<uint8_t> &out)
{
    Stream stream;
    if (!stream.ready)
        return "unreadable: no memory to inflate it";
    out.assign(file.begin(), file.begin() + (ptrdiff_t)from);
    memcpy(&out[syntax_at], PLAIN, UID_LENGTH);
    uint64_t packed = file.size() - from;
    stream.z.next_in = const_cast<uint8_t *>(file.data() + from);
    stream.z.avail_in = (uInt) std::min<uint64_t>(packed, UINT32_MAX);
    int state = Z_OK;
    while (state == Z_OK) {
        size_t before = out.size();
        if (is_bomb(packed, before - from + PIECE))
            return bomb_reason(packed);
        out.resize(before + PIECE);
        stream.z.next_out = &out[before];
        stream.z.avail_out = (uInt) PIECE;
        state = inflate(&stream.z, Z_NO_FLUSH);
        out.resize(before + PIECE - stream.z.avail_out);
        if (stream.z.avail_out > 0) // nothing more to come
            break;
    }
    return "";
}

} // namespace dicom
