// dicom/seg_read.h - a segmentation object as it lies in its file.
#ifndef DICOM_SEG_READ_H
#define DICOM_SEG_READ_H

#include <memory>

#include "dicom/decode.h"
#include "dicom/masks.h"
#include "dicom/place.h"

class DcmFileFormat;

namespace dicom {

enum class SegKind { Binary, Fractional, LabelMap };

struct MaskFrame {
    int number = 0;    // from 0
    int segment = -1;  // index among the masks; -1: the pixels say (LabelMap)
    Frame plane;
    Vector normal;
};

struct Seg {
    SegKind kind = SegKind::Binary;
    double maximum = 255; // MaximumFractionalValue
    Instance instance;    // pixel format, for decoding
    std::vector<MaskFrame> frames;
    std::string frame_of_reference;
    std::vector<std::string> series; // that it refers to
};

// Everything but the pixels. Sizes are held against the file before anything grows with them.
enum sm_status read_seg_header(Seg &seg, Masks &masks, const MaskRequest &request);

// The pixels of one frame at a time.
class SegPixels {
public:
    SegPixels(const Seg &seg, const MaskRequest &request);
    ~SegPixels();
    SegPixels(const SegPixels &) = delete;
    SegPixels &operator=(const SegPixels &) = delete;
    // rows x columns: Binary 0/1, Fractional 0/1 (at least half of the maximum), LabelMap the segment
    // number. False with a reason.
    bool frame(int number, std::string &reason);
    uint16_t at(size_t pixel) const { return values_[pixel]; }
    const std::vector<uint16_t> &values() const { return values_; }

private:
    bool bits(int number, std::string &reason);
    bool packed_bits(int number, std::string &reason);
    bool whole_values(int number, std::string &reason);

    const Seg &seg_;
    const MaskRequest &request_;
    std::vector<uint16_t> values_;
    std::vector<uint8_t> raw_;
    std::vector<std::vector<Span>> fragments_;
    std::unique_ptr<Decoder> decoder_;
};

// Stamps the frames onto the grid of request.like.
enum sm_status place_seg(Masks &masks, const Seg &seg, SegPixels &pixels, const MaskRequest &request);

} // namespace dicom
#endif
