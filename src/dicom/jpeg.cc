// JPEG and JPEG-LS through DCMTK's codecs, one frame at a time: a frame becomes a data set of its own, so
// that neither the rest of the file nor its offset tables matter to them.
#include "dicom/decode.h"

#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>

namespace dicom {

static void describe(DcmDataset &picture, const Instance &instance)
{
    const std::pair<DcmTagKey, int> numbers[] = {
        {DCM_SamplesPerPixel, instance.samples},     {DCM_Rows, instance.rows},
        {DCM_Columns, instance.columns},             {DCM_BitsAllocated, instance.bits_allocated},
        {DCM_BitsStored, instance.bits_stored},      {DCM_HighBit, instance.high_bit},
        {DCM_PixelRepresentation, instance.is_signed}};
    for (const auto &number : numbers)
        picture.putAndInsertUint16(number.first, (Uint16) number.second);
    picture.putAndInsertString(DCM_NumberOfFrames, "1");
    picture.putAndInsertString(DCM_PhotometricInterpretation, instance.photometric.c_str());
    picture.putAndInsertString(DCM_SOPClassUID, instance.sop_class.c_str());
}

// Owned by the picture.
static DcmPixelData *insert_pixels(DcmDataset &picture, const std::vector<uint8_t> &stream,
                                   const Instance &instance)
{
    auto frame = std::make_unique<DcmPixelSequence>(DcmTag(DCM_PixelData, EVR_OB));
    auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);
    auto table = std::make_unique<DcmPixelItem>(DcmTag(DCM_Item, EVR_OB));
    if (frame->insert(table.get()).bad())
        return nullptr;
    table.release();
    DcmOffsetList offsets;
    Uint8 *bytes = const_cast<Uint8 *>(stream.data()); // copied
    if (frame->storeCompressedFrame(offsets, bytes, (Uint32) stream.size(), 0).bad())
        return nullptr;
    DcmXfer syntax(instance.transfer_syntax.c_str());
    pixels->putOriginalRepresentation(syntax.getXfer(), nullptr, frame.release());
    return picture.insert(pixels.get()).good() ? pixels.release() : nullptr;
}

bool decode_jpeg(const std::vector<uint8_t> &stream, const Instance &instance, uint8_t *out,
                 std::string &reason)
{
    DcmDataset picture;
    describe(picture, instance);
    DcmPixelData *pixels = insert_pixels(picture, stream, instance);
    size_t size = bytes_per_frame(instance);
    std::vector<uint8_t> even(size + (size & 1)); // DCMTK writes whole words
    Uint32 fragment = 0;
    OFString model;
    OFCondition result = EC_MemoryExhausted;
    if (pixels)
        result = pixels->getUncompressedFrame(&picture, 0, fragment, even.data(), (Uint32) even.size(),
                                              model);
    if (result.bad()) {
        reason = std::string("its pixel data cannot be decompressed (") + result.text() + ")";
        return false;
    }
    memcpy(out, even.data(), size);
    return true;
}

} // namespace dicom
