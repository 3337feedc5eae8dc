#include "dicom/masks.h"

#include <cstdlib>
#include <cstring>
#include <set>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/charset.h"
#include "dicom/library.h"
#include "dicom/load.h"
#include "dicom/source.h"
#include "dicom/values.h"

namespace dicom {

static const size_t LONGEST_LABEL = 180; // what prompts take as a name, less room for a number

Masks::~Masks()
{
    for (sm_dicom_mask &mask : list_) {
        free(mask.label);
        sm_labels_free(&mask.mask);
    }
}

static char *copied(const std::string &text)
{
    char *copy = strdup(text.c_str());
    if (!copy)
        throw std::bad_alloc();
    return copy;
}

void Masks::add(int number, const std::string &label)
{
    list_.push_back({});
    list_.back().number = number;
    list_.back().label = copied(label.empty() ? "segment " + std::to_string(number) : label);
}

void Masks::tell_apart()
{
    std::multiset<std::string> labels;
    for (const sm_dicom_mask &mask : list_)
        labels.insert(mask.label);
    std::set<std::string> taken(labels.begin(), labels.end());
    for (sm_dicom_mask &mask : list_) {
        if (labels.count(mask.label) < 2)
            continue;
        std::string label = std::string(mask.label) + " (" + std::to_string(mask.number) + ")";
        while (!taken.insert(label).second)
            label += "'";
        free(mask.label);
        mask.label = nullptr;
        mask.label = copied(label);
    }
}

void Masks::keep(const std::vector<bool> &wanted)
{
    size_t kept = 0;
    for (size_t index = 0; index < list_.size(); index++) {
        if (wanted[index]) {
            std::swap(list_[kept++], list_[index]);
            continue;
        }
        free(list_[index].label);
        sm_labels_free(&list_[index].mask);
        list_[index] = {};
    }
    list_.resize(kept);
}

uint16_t *Masks::voxels(size_t index, const sm_grid &grid)
{
    sm_labels &labels = list_[index].mask;
    if (!labels.voxels && sm_labels_alloc(&labels, &grid, nullptr) != SM_OK)
        throw std::bad_alloc();
    return labels.voxels;
}

void Masks::hand_over(sm_dicom_mask **masks, size_t *count, const sm_grid *grid)
{
    for (size_t index = 0; grid && index < list_.size(); index++)
        voxels(index, *grid);
    void *memory = malloc(list_.size() * sizeof **masks + 1);
    if (!memory)
        throw std::bad_alloc();
    *masks = static_cast<sm_dicom_mask *>(memory);
    *count = list_.size();
    std::copy(list_.begin(), list_.end(), *masks);
    list_.clear();
}

std::string clean_label(const std::string &bytes, const std::string &character_set)
{
    std::string label = to_utf8(bytes, character_set);
    size_t length = label.size() < LONGEST_LABEL ? label.size() : LONGEST_LABEL;
    while (length > 0 && length < label.size() && (label[length] & 0xc0) == 0x80)
        length--; // not in the middle of a character
    label.resize(length);
    size_t from = label.find_first_not_of(' '), to = label.find_last_not_of(' ');
    return from == std::string::npos ? "" : label.substr(from, to - from + 1);
}

enum sm_status check_inside(const Masks &masks, const MaskRequest &request)
{
    size_t outside = 0;
    for (size_t index = 0; index < masks.size(); index++)
        outside += masks.empty(index);
    if (outside == masks.size())
        return sm_fail(request.err, SM_USAGE, "%s: nothing of it lies in the volume; is it of another "
                       "series?", request.name());
    for (size_t index = 0; index < masks.size(); index++)
        if (masks.empty(index))
            sm_warn(request.listener, "%s: nothing of \"%s\" lies in the volume", request.name(),
                    masks.label(index));
    return SM_OK;
}

enum sm_status check_frame_of_reference(const std::string &theirs, const MaskRequest &request)
{
    const sm_dicom_source *source = request.like->dicom;
    const std::string ours = source ? source->frame_of_reference_uid : "";
    if (ours.empty() || theirs.empty()) {
        sm_note(request.listener, "%s: %s has no frame of reference to compare; their positions are "
                "taken to mean the same", request.name(), ours.empty() ? "the volume" : "it");
        return SM_OK;
    }
    if (ours == theirs)
        return SM_OK;
    return sm_fail(request.err, SM_USAGE,
                   "%s: is in another frame of reference than the volume, so where it lies in the "
                   "volume is not known; use one that was made on this study, or register it first",
                   request.name());
}

// ---- the doors ----

static sm_status no_grid(sm_volume &, const MaskRequest &request)
{
    return sm_fail(request.err, SM_USAGE, "%s: contours have no grid of their own; give the image that "
                   "they were drawn on", request.name());
}

struct Reader {
    const char *uid;
    enum sm_status (*masks)(Masks &, const MaskRequest &);
    enum sm_status (*grid)(sm_volume &, const MaskRequest &);
};
static const Reader READERS[] = {
    {"1.2.840.10008.5.1.4.1.1.66.4", read_seg, read_seg_grid}, // Segmentation
    {"1.2.840.10008.5.1.4.1.1.66.7", read_seg, read_seg_grid}, // Label Map Segmentation
    {"1.2.840.10008.5.1.4.1.1.481.3", read_structure_set, no_grid}, // RT Structure Set
};

// Opens the file and has its reader used.
template <typename Use>
static sm_status with_reader(const char *path, const sm_volume *like, const sm_listener *listener,
                             sm_err *err, Use use)
{
    FileRef file;
    file.path = file.name = path;
    Bytes bytes(file);
    PixelPlace pixels;
    std::string reason;
    if (!bytes.ok())
        return sm_fail(err, SM_NOT_FOUND, "%s: %s", path, bytes.problem().c_str());
    std::unique_ptr<DcmFileFormat> format = load_header(bytes, file, pixels, reason);
    if (!format && reason == "not DICOM")
        return sm_fail(err, SM_NOT_FOUND, "%s: neither a label map (NIfTI) nor a DICOM SEG or RT structure set", path);
    if (!format)
        return sm_fail(err, SM_CORRUPT, "%s: %s", path, reason.c_str());
    MaskRequest request = {file, bytes, pixels, *format->getDataset(), like, listener, err};
    std::string uid = text_of(request.data, DCM_SOPClassUID);
    for (const Reader &reader : READERS)
        if (uid == reader.uid)
            return use(reader, request);
    return sm_fail(err, SM_UNSUPPORTED, "%s: is no segmentation (SEG) and no RT structure set, so it "
                   "cannot be a mask", path);
}

static sm_status read_masks(sm_dicom_mask **masks, size_t *count, const char *path,
                            const sm_volume *like, const sm_listener *listener, sm_err *err)
{
    return with_reader(path, like, listener, err, [&](const Reader &reader, const MaskRequest &request) {
        Masks made;
        sm_status status = reader.masks(made, request);
        if (status == SM_OK) {
            made.tell_apart();
            made.hand_over(masks, count, like ? &like->grid : nullptr);
        }
        return status;
    });
}

} // namespace dicom

using namespace dicom;

extern "C" sm_status sm_dicom_read_masks(sm_dicom_mask **masks, size_t *count, const char *path,
                                         const sm_volume *like, const sm_listener *listener,
                                         sm_err *err)
{
    *masks = nullptr;
    *count = 0;
    return guarded(err, path, [&] { return read_masks(masks, count, path, like, listener, err); });
}

extern "C" sm_status sm_dicom_list_masks(sm_dicom_mask **masks, size_t *count, const char *path,
                                         const sm_listener *listener, sm_err *err)
{
    *masks = nullptr;
    *count = 0;
    return guarded(err, path, [&] { return read_masks(masks, count, path, nullptr, listener, err); });
}

extern "C" sm_status sm_dicom_mask_grid(sm_volume *own, const char *path, const sm_listener *listener,
                                        sm_err *err)
{
    *own = {};
    return guarded(err, path, [&] {
        return with_reader(path, nullptr, listener, err, [&](const Reader &reader, const MaskRequest &request) {
            return reader.grid(*own, request);
        });
    });
}

extern "C" void sm_dicom_masks_free(sm_dicom_mask *masks, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        free(masks[index].label);
        sm_labels_free(&masks[index].mask);
    }
    free(masks);
}
