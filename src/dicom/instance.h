// dicom/instance.h - what a scan keeps of each file: small structs, never the data set.
#ifndef DICOM_INSTANCE_H
#define DICOM_INSTANCE_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom/files.h"

namespace dicom {

// Attributes that tell slices at one position apart, in the order in which they are tried.
enum Mark {
    MARK_IMAGE_TYPE, MARK_COMPONENT, MARK_ECHO, MARK_ECHO_TIME, MARK_DIFFUSION, MARK_TEMPORAL,
    MARK_PHASE, MARK_ACQUISITION, MARK_TRIGGER, MARK_CONTRAST, MARK_KERNEL, MARK_ENERGY,
    MARK_INVERSION, MARK_FLIP, MARK_CORRECTION, MARK_FRAME_TIME, MARK_ACQUISITION_TIME, MARK_INSTANCE,
    MARK_DIMENSION, MARK_COUNT
};
using Marks = std::array<std::string, MARK_COUNT>;

enum class PixelKind { None, Integer, Float, Double };

// Where the pixels are in the file. The offset table, where there is one, is read when it is needed.
struct PixelPlace {
    PixelKind kind = PixelKind::None;
    bool encapsulated = false;
    bool in_memory = false;  // out of a zip archive or deflated: every opening unpacks the whole file
    bool big_endian = false;
    bool bytes_vr = false;   // OB: bytes in order, whatever the endianness
    uint64_t offset = 0;     // of the value, or of the first item
    uint64_t length = 0;     // of the value, or all fragments together
    uint64_t missing = 0;    // bytes that should be in the file and are not
    uint64_t extended_table = 0, extended_count = 0; // (7FE0,0001): offset in the file, entries
};

struct Vector {
    double x[3] = {0, 0, 0};
};

// One 2-D picture: an instance, a frame of one, or a tile of a mosaic.
struct Frame {
    int instance = 0; // index among the study's instances
    int number = 0;   // frame in the instance, from 0
    int tile = -1;    // of a mosaic, from 0; -1: none
    int tile_column = 0, tile_row = 0;  // its first pixel
    int columns = 0, rows = 0;
    bool placed = false; // position and orientation are known, or made up for frames that are slices
    std::string unplaced; // what is wrong with them, after "has "; "" where the place in the patient is known
    Vector position, row, column; // LPS mm; unit vectors along a row and down a column
    double row_spacing = 0, column_spacing = 0; // between rows, between columns; 0: unknown
    double thickness = 0, between = 0; // SliceThickness, SpacingBetweenSlices; 0: unknown
    double slope = 1, intercept = 0;
    std::string position_text, orientation_text, spacing_text, thickness_text; // the source's own
    std::string window_center, window_width;
    std::string stack;
    Marks marks;
};

struct Instance {
    FileRef file;
    std::string sop_class, sop_uid, series_uid, study_uid, frame_of_reference, modality;
    std::string description;     // UTF-8
    std::string transfer_syntax; // UID
    std::string photometric, image_type;
    int series_number = 0, number = 0;
    int rows = 0, columns = 0, frames = 1, samples = 1;
    int bits_allocated = 0, bits_stored = 0, high_bit = 0;
    bool is_signed = false, lossy = false, enhanced = false, modality_lut = false;
    bool voi_lut = false;
    bool spacing_guessed = false, bits_above = false; // overlays or others share the words of the pixels
    PixelPlace pixels;
    std::string left_out;   // why it takes no part; "" when it does
    bool misplaced = false; // left out because its place or size makes no sense among its series
    std::string unreadable; // why it cannot be decoded though it is an image; "" when it can
    std::string note;       // a secondary capture without geometry or in colour: what it is
    std::string remark;     // shown with the volume it makes
    std::vector<std::string> listed; // of a DICOMDIR: its files, as ways from its folder
    std::vector<Frame> parts; // emptied when volumes are made of them
};

} // namespace dicom
#endif
