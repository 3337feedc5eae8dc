// dicom/masks.h - segments of a SEG and ROIs of a structure set on their way to masks.
#ifndef DICOM_MASKS_H
#define DICOM_MASKS_H

#include <memory>
#include <string>
#include <vector>

#include "dicom/instance.h"
#include "sammed2d/dicom.h"

class DcmDataset;

namespace dicom {

// The masks being made; frees what is not handed over.
class Masks {
public:
    Masks() = default;
    ~Masks();
    Masks(const Masks &) = delete;
    Masks &operator=(const Masks &) = delete;

    void add(int number, const std::string &label); // label as UTF-8; "" gets one
    size_t size() const { return list_.size(); }
    int number(size_t index) const { return list_[index].number; }
    const char *label(size_t index) const { return list_[index].label; }
    void keep(const std::vector<bool> &wanted); // drops the others
    // Makes labels different from each other.
    void tell_apart();
    // Voxels of mask `index` on the grid, all 0 at first. Zero pages cost nothing until written to.
    uint16_t *voxels(size_t index, const sm_grid &grid);
    bool empty(size_t index) const { return !list_[index].mask.voxels; }
    // Gives every mask its voxels (unless grid is NULL) and hands all over.
    void hand_over(sm_dicom_mask **masks, size_t *count, const sm_grid *grid);

private:
    std::vector<sm_dicom_mask> list_;
};

// What is read, and on what grid: like is NULL when only names are asked for.
struct MaskRequest {
    const FileRef &file;
    const Bytes &bytes;
    const PixelPlace &pixels;
    DcmDataset &data;
    const sm_volume *like;
    const sm_listener *listener;
    sm_err *err;
    const char *name() const { return file.name.c_str(); }
};

enum sm_status read_seg(Masks &masks, const MaskRequest &request);
enum sm_status read_structure_set(Masks &masks, const MaskRequest &request);
// The grid of a segmentation's own frames, see sm_dicom_mask_grid.
enum sm_status read_seg_grid(sm_volume &own, const MaskRequest &request);

// Warns of every mask without a voxel; SM_USAGE when none has one.
enum sm_status check_inside(const Masks &masks, const MaskRequest &request);
// Compares the file's frame of reference with the volume's: SM_USAGE when they differ, a note when one
// of them has none.
enum sm_status check_frame_of_reference(const std::string &theirs, const MaskRequest &request);
// A DICOM text as UTF-8 fit for the name of an object.
std::string clean_label(const std::string &bytes, const std::string &character_set);

} // namespace dicom
#endif
