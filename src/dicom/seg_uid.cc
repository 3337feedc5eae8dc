// UIDs that are a function of what they name, so that one UID never names two different objects and the
// same work gives the same file.
#include <array>
#include <cstdint>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcostrmb.h>

extern "C" {
#include "base/digest.h"
}
#include "dicom/seg.h"

namespace dicom {

// 128 bits as a decimal number.
static std::string decimal(std::array<uint8_t, 16> bytes)
{
    std::string text;
    bool more = true;
    while (more) {
        unsigned rest = 0;
        more = false;
        for (uint8_t &byte : bytes) {
            unsigned value = rest * 256 + byte;
            byte = (uint8_t)(value / 10);
            rest = value % 10;
            more |= byte != 0;
        }
        text.insert(text.begin(), (char)('0' + rest));
    }
    return text;
}

// A UUID of version 8 (RFC 9562: bits of one's own making) as PS3.5 B.2 writes it.
std::string uid_from(const std::string &text)
{
    char hex[65];
    std::array<uint8_t, 16> bytes;
    digest_bytes(text.data(), text.size(), hex);
    for (size_t b = 0; b < bytes.size(); b++)
        bytes[b] = (uint8_t)std::stoi(std::string(hex + 2 * b, 2), nullptr, 16);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x80);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    return "2.25." + decimal(bytes);
}

// Every byte that the data set will be written with; PixelData is not in it.
static bool encoded(DcmDataset &data, std::string &bytes)
{
    std::vector<char> room(1 << 16);
    DcmOutputBufferStream stream(room.data(), (offile_off_t)room.size());
    OFCondition state;
    data.transferInit();
    do {
        void *chunk = nullptr;
        offile_off_t length = 0;
        state = data.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr, EGL_recalcGL);
        stream.flushBuffer(chunk, length);
        bytes.append((const char *)chunk, (size_t)length);
    } while (state == EC_StreamNotifyClient);
    data.transferEnd();
    return state.good();
}

enum sm_status seg_add_uids(DcmDataset &data, const SegPlan &plan, struct sm_err *err)
{
    std::string text = plan.digests;
    if (!encoded(data, text))
        return sm_fail(err, SM_MEMORY, "out of memory for the header of a SEG with %zu frames",
                       plan.frames.size());
    for (const sm_dicom_slice &slice : plan.source->slices)
        text += slice.sop_instance_uid + "\n";
    text += plan.options->digest ? plan.options->digest : "";
    put(data, DCM_SeriesInstanceUID, uid_from("series\n" + text));
    put(data, DCM_SOPInstanceUID, uid_from("instance\n" + text));
    return SM_OK;
}

} // namespace dicom
