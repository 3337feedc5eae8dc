#include "dicom/load.h"

#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcistrmf.h>

namespace dicom {

static const Uint32 KEEP_IN_FILE = 4096; // longer values are left in the file until asked for
static const DcmTagKey FIRST_PIXEL_TAG(0x7fe0, 0x0001);
static const uint32_t UNDEFINED = 0xffffffffu;

namespace {
// DCMTK would inflate without end. Bytes has done it before, within limits.
template <typename Stream> struct NeverInflated : Stream {
    using Stream::Stream;
    OFCondition installCompressionFilter(E_StreamCompression) override { return EC_InvalidStream; }
};
} // namespace

static OFCondition read_from(const Bytes &bytes, const FileRef &file, DcmFileFormat &format,
                             uint64_t &end)
{
    OFCondition result;
    format.transferInit();
    if (const std::vector<uint8_t> *memory = bytes.memory()) {
        NeverInflated<DcmInputBufferStream> stream;
        stream.setBuffer(memory->data(), (offile_off_t)memory->size());
        stream.setEos();
        result = format.readUntilTag(stream, EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                                      FIRST_PIXEL_TAG);
        end = (uint64_t)stream.tell();
    } else {
        NeverInflated<DcmInputFileStream> stream(OFFilename(file.path.c_str(), OFFalse));
        result = stream.status();
        if (result.good())
            result = format.readUntilTag(stream, EXS_Unknown, EGL_noChange, KEEP_IN_FILE,
                                          FIRST_PIXEL_TAG);
        end = (uint64_t)stream.tell();
    }
    format.transferEnd();
    return result;
}

// Data sets without the 128 bytes and "DICM" exist (C-STORE dumps); they begin with group 2 or 8.
static std::string why_not_dicom(const Bytes &bytes)
{
    uint8_t start[136] = {};
    if (!bytes.ok())
        return bytes.problem();
    if (bytes.size() == 0)
        return "not DICOM: empty file";
    size_t have = bytes.size() < sizeof start ? (size_t)bytes.size() : sizeof start;
    if (!bytes.read(0, start, have))
        return "unreadable: the file cannot be read";
    if (have >= 132 && memcmp(start + 128, "DICM", 4) == 0)
        return "";
    uint16_t little = (uint16_t)(start[0] | start[1] << 8);
    uint16_t big = (uint16_t)(start[0] << 8 | start[1]);
    bool group = little == 2 || little == 8 || big == 2 || big == 8;
    // A group length, or an element below 0020, comes first in these.
    uint16_t element = little == 2 || little == 8 ? (uint16_t)(start[2] | start[3] << 8)
                                                  : (uint16_t)(start[2] << 8 | start[3]);
    return have >= 16 && group && element < 0x20 ? "" : "not DICOM";
}

namespace {
struct Element {
    uint16_t group, number;
    uint32_t length;
    uint64_t value; // offset
    bool bytes_vr;
};
} // namespace

static uint32_t get(const uint8_t *bytes, int count, bool big)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint32_t)bytes[big ? count - 1 - i : i] << 8 * i;
    return value;
}

static bool read_element(const Bytes &bytes, uint64_t at, bool big, bool expl, Element &element)
{
    uint8_t raw[12] = {};
    if (!bytes.read(at, raw, expl ? 12 : 8))
        return false;
    element.group = (uint16_t)get(raw, 2, big);
    element.number = (uint16_t)get(raw + 2, 2, big);
    element.length = get(raw + (expl ? 8 : 4), 4, big);
    element.value = at + (expl ? 12 : 8);
    element.bytes_vr = expl && memcmp(raw + 4, "OB", 2) == 0;
    return true;
}

// Hops over the fragments; what is left of the file says whether the last is whole.
static void walk_fragments(const Bytes &bytes, PixelPlace &pixels)
{
    uint64_t at = pixels.offset;
    uint8_t raw[8];
    while (bytes.read(at, raw, sizeof raw)) {
        if (get(raw, 2, false) != 0xfffe || get(raw + 2, 2, false) != 0xe000)
            return; // the delimiter, or a file without one
        uint64_t length = get(raw + 4, 4, false);
        at += 8;
        uint64_t left = bytes.size() - at;
        if (length > left) {
            pixels.missing = length - left;
            return;
        }
        at += length;
        pixels.length += length;
    }
    if (at != bytes.size() || pixels.length == 0)
        pixels.missing = 8;
}

static PixelKind kind_of(uint16_t number)
{
    return number == 0x0008   ? PixelKind::Float
           : number == 0x0009 ? PixelKind::Double
           : number == 0x0010 ? PixelKind::Integer
                              : PixelKind::None;
}

static void find_pixels(const Bytes &bytes, uint64_t end, const DcmXfer &syntax, PixelPlace &pixels)
{
    bool big = syntax.getByteOrder() == EBO_BigEndian, expl = syntax.isExplicitVR();
    uint64_t header = expl ? 12 : 8;
    uint64_t at = end >= header ? end - header : 0;
    Element element = {};
    for (int tries = 0; tries < 8 && read_element(bytes, at, big, expl, element); tries++) {
        if (element.group != 0x7fe0)
            return;
        PixelKind kind = kind_of(element.number);
        if (kind != PixelKind::None) {
            pixels.kind = kind;
            break;
        }
        if (element.number == 0x0001) {
            pixels.extended_table = element.value;
            pixels.extended_count = element.length / 8;
        }
        at = element.value + element.length;
    }
    if (pixels.kind == PixelKind::None)
        return;
    pixels.big_endian = big;
    pixels.bytes_vr = element.bytes_vr;
    pixels.offset = element.value;
    pixels.encapsulated = element.length == UNDEFINED;
    if (pixels.encapsulated) {
        walk_fragments(bytes, pixels);
        return;
    }
    uint64_t left = bytes.size() - element.value;
    pixels.missing = element.length > left ? element.length - left : 0;
    pixels.length = element.length - pixels.missing;
}

std::unique_ptr<DcmFileFormat> load_header(const Bytes &bytes, const FileRef &file,
                                           PixelPlace &pixels, std::string &reason)
{
    reason = why_not_dicom(bytes);
    if (!reason.empty())
        return nullptr;
    auto format = std::make_unique<DcmFileFormat>();
    uint64_t end = 0;
    OFCondition result = read_from(bytes, file, *format, end);
    if (result.bad() && result != EC_EndOfStream) {
        bool ran_out = result == EC_StreamNotifyClient || result == EC_InvalidStream ||
                       end >= bytes.size();
        reason = ran_out ? "truncated: the file ends inside its header"
                         : std::string("unreadable: damaged header (") + result.text() + ")";
        return nullptr;
    }
    find_pixels(bytes, end, DcmXfer(format->getDataset()->getOriginalXfer()), pixels);
    return format;
}

} // namespace dicom
