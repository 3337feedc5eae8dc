// dicom/seg.h - what the writers of a DICOM SEG share. The data set is built here, element by element,
// because DCMTK 3.6.7's DcmSegmentation packs wrong bits for frames whose size is no multiple of 8 and
// knows no label map segmentation; all but PixelData, which is written frame by frame behind it.
#ifndef DICOM_SEG_H
#define DICOM_SEG_H

#include <string>
#include <vector>

#include "dicom/source.h"
#include "sammed2d/dicom.h"

class DcmDataset;
class DcmItem;
class DcmTagKey;
struct output;

namespace dicom {

struct SegFrame {
    int object; // -1: all of them (label map)
    int slice;
};

// What will be written: known before a byte of it is made.
struct SegPlan {
    const sm_dicom_source *source;
    const struct sm_volume *volume;
    const struct sm_seg_object *objects;
    size_t count;
    const struct sm_seg_options *options;
    std::vector<int> numbers;     // SegmentNumber of each object; 0: empty, left out
    std::vector<SegFrame> frames; // in writing order
    std::vector<int> ranks;       // DimensionIndexValue of the position of each slice; 0: no frame there
    bool overlap = false;
    size_t pixels = 0;            // of a frame
    std::string digests;          // of what is on each slice of each object: UIDs depend on it
    std::string character_set;    // of the SEG
    std::string study_uid, frame_of_reference_uid; // the source's, or made of its series UID

    size_t segments() const;
    size_t pixel_bytes() const; // of the value of PixelData, even
    bool wide() const;          // label map with more than 255 segments
};

// seg_plan.cc. SM_USAGE: nothing to write; SM_MEMORY, SM_UNSUPPORTED with an estimate: too much.
enum sm_status seg_plan(SegPlan &plan, const char *path, struct sm_err *err);

// seg_pixels.cc. Writes the element PixelData a few frames at a time, so that a SEG may be larger than
// memory. Explicit VR Little Endian.
enum sm_status seg_write_pixels(struct output &output, const SegPlan &plan, struct sm_err *err);
// Bit n of the value is pixel n % pixels of frame n / pixels, least significant bit of a byte first, no
// padding between frames (PS3.5 8.1.1, D). `bits` must be zero from bit `first` on.
void seg_pack_bits(uint8_t *bits, size_t first, const uint8_t *pixels, size_t count);

// seg_modules.cc: all modules but those of the other files.
void seg_add_modules(DcmDataset &data, const SegPlan &plan);
// seg_segments.cc
void seg_add_segments(DcmDataset &data, const SegPlan &plan);
// seg_groups.cc: dimensions, functional groups, referenced series.
void seg_add_groups(DcmDataset &data, const SegPlan &plan);

// seg_uid.cc. Gives the data set its own UIDs, once everything else is in it.
enum sm_status seg_add_uids(DcmDataset &data, const SegPlan &plan, struct sm_err *err);
// "2.25." and a number: a UUID made of the digest of the text.
std::string uid_from(const std::string &text);

// seg_text.cc. UTF-8 into a DICOM character set; what has no place in it becomes '?'. Control
// characters and backslashes become spaces.
std::string from_utf8(const std::string &text, const std::string &set);
// The source's character set; UTF-8 where the source needs none and our own text does.
std::string seg_character_set(const SegPlan &plan);
void put_text(DcmItem &item, const DcmTagKey &tag, const char *utf8, const SegPlan &plan);
// Bytes as they are, whatever they are: DCMTK's own checks would refuse names in odd character sets.
void put(DcmItem &item, const DcmTagKey &tag, const std::string &bytes);
void put(DcmItem &item, const DcmTagKey &tag, unsigned value);
DcmItem &put_item(DcmItem &item, const DcmTagKey &sequence);
DcmItem &put_code(DcmItem &item, const DcmTagKey &sequence, const struct sm_code &code, const SegPlan &plan);
// At most 16 characters, as a DS must be.
std::string decimal_string(double value);

} // namespace dicom
#endif
