// dicom/header.h - an Instance, with its frames, out of a parsed header.
#ifndef DICOM_HEADER_H
#define DICOM_HEADER_H

#include "dicom/instance.h"

class DcmItem;
class DcmDataset;

namespace dicom {

// Reads one file's header. left_out says why when it can take no part in a volume.
Instance read_instance(const FileRef &file);

// The pieces; each fills `frame` from whatever attributes the item has.
void read_plane(Frame &frame, DcmItem &position, DcmItem &orientation);
void read_spacing(Frame &frame, DcmItem &measures);
void read_marks(Marks &marks, DcmItem &item);

// Enhanced and legacy-converted multi-frame: one Frame a frame, from the functional groups.
void read_enhanced(Instance &instance, DcmDataset &data);
// Siemens and UIH mosaics: one Frame a tile. False when the instance is no mosaic; a mosaic that cannot
// be cut up gets a reason in `unreadable`.
bool read_mosaic(Instance &instance, DcmDataset &data, const Frame &whole);

// Decides left_out and unreadable from SOP class, modality, image type and pixel format.
void classify(Instance &instance, DcmDataset &data);
// Is it a Secondary Capture class? Such an image takes part when it has a place, or is all there is.
bool is_secondary_capture(const Instance &instance);
// Is it a segmentation or an RT structure set?
bool is_mask_class(const std::string &sop_class);
const char *transfer_syntax_name(const std::string &uid);

} // namespace dicom
#endif
