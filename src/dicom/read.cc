#include <cstdlib>
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/library.h"
#include "dicom/load.h"
#include "dicom/read.h"
#include "dicom/source.h"

using namespace dicom;

static void copy_text(char *to, size_t size, const std::string &from)
{
    size_t length = from.size() < size ? from.size() : size - 1;
    while (length > 0 && length < from.size() && (from[length] & 0xc0) == 0x80)
        length--; // not in the middle of a UTF-8 character
    memcpy(to, from.data(), length);
    to[length] = 0;
}

static void take_rescale(sm_volume &volume, const Found &found, const std::vector<Instance> &instances)
{
    for (size_t k = 0; k < found.frames.size(); k++) {
        const Frame &frame = found.frames[k];
        const Instance &instance = instances[(size_t)frame.instance];
        double slope = instance.modality_lut ? 1 : frame.slope;
        double intercept = instance.modality_lut ? 0 : frame.intercept;
        if (instance.photometric == "MONOCHROME1") {
            intercept = turning_sum(instance, slope, intercept) - intercept;
            slope = -slope;
        }
        volume.rescale[k] = {slope, intercept};
    }
}

static void take_origins(sm_volume &volume, const Found &found)
{
    if (found.gaps.empty())
        return;
    void *memory = calloc(found.frames.size(), sizeof *volume.slice_origin_lps);
    if (!memory)
        throw std::bad_alloc();
    volume.slice_origin_lps = static_cast<double(*)[3]>(memory);
    for (size_t k = 0; k < found.frames.size(); k++)
        memcpy(volume.slice_origin_lps[k], found.frames[k].position.x, sizeof(double[3]));
}

static void free_source(sm_dicom_source *source)
{
    delete source;
}

static sm_status take_header(sm_volume &volume, const Found &found,
                             const std::vector<Instance> &instances, sm_err *err)
{
    const Instance &first = instances[(size_t)found.frames[0].instance];
    PixelPlace pixels;
    std::string reason;
    Bytes bytes(first.file);
    std::unique_ptr<DcmFileFormat> format = load_header(bytes, first.file, pixels, reason);
    if (!format)
        return sm_fail(err, SM_CORRUPT, "%s: %s", first.file.name.c_str(), reason.c_str());
    // Values left in the file must be in memory before the file may go.
    format->loadAllDataIntoMemory();
    std::unique_ptr<DcmDataset> header(format->getAndRemoveDataset());
    take_voi(volume, found, instances, *header);
    volume.dicom = source_of(found, instances, std::move(header));
    volume.dicom_free = free_source;
    return SM_OK;
}

// Windows or tables in some slices only: no window for all.
static void note_voi(const Found &found, const std::vector<Instance> &instances,
                     const sm_listener *listener)
{
    size_t with = 0;
    for (const Frame &frame : found.frames)
        with += !frame.window_center.empty() || instances[(size_t)frame.instance].voi_lut;
    if (with > 0)
        sm_note(listener, "%zu of %zu slices have a VOI window or table of their own, but not all one of the "
                "same kind: none is used", with, found.frames.size());
}

static void warn_about(const Found &found, const std::vector<Instance> &instances,
                       const sm_listener *listener)
{
    const Instance &first = instances[(size_t)found.frames[0].instance];
    if (first.spacing_guessed)
        sm_warn(listener, "%s has no pixel spacing: 1 mm is assumed", first.file.name.c_str());
    if (!found.unplaced.empty())
        sm_warn(listener, "%s", found.unplaced.c_str());
    if (found.guessed)
        sm_warn(listener, "some positions of the series were taken more often than others, and nothing says which slices belong "
                "together: neighbours may be of different times (sammed2d info shows what was made of them)");
    for (const sm_gap &gap : found.gaps)
        sm_note(listener, "between slices %d and %d the step is %.4g mm", gap.after, gap.after + 1,
                gap.step_mm);
    if (!found.gaps.empty())
        sm_warn(listener, "slices are missing or unevenly spaced in %zu place%s (sammed2d info says where)",
                found.gaps.size(), found.gaps.size() == 1 ? "" : "s");
}

static sm_status open_volume(sm_volume &volume, const sm_dicom_study &study, size_t index,
                             const sm_listener *listener, sm_dicom_study *owned, sm_err *err)
{
    const Found &found = study.volumes[index];
    if (!found.readable)
        return sm_fail(err, SM_UNSUPPORTED, "volume %d cannot be read: %s", found.shown.number,
                       found.reason.c_str());
    sm_status status = check_size(found, study.instances, err);
    if (status == SM_OK)
        status = sm_volume_alloc(&volume, &found.shown.grid, found.shown.type, 1, err);
    if (status != SM_OK)
        return status;
    volume.format = SM_FORMAT_DICOM;
    volume.unplaced = !found.unplaced.empty();
    copy_text(volume.modality, sizeof volume.modality, found.modality);
    copy_text(volume.description, sizeof volume.description, found.description);
    take_rescale(volume, found, study.instances);
    take_origins(volume, found);
    status = take_header(volume, found, study.instances, err);
    if (status != SM_OK)
        return status;
    if (!volume.voi)
        note_voi(found, study.instances, listener);
    warn_about(found, study.instances, listener);
    volume.supply = supply_of(volume, found, study.instances, listener, owned);
    return SM_OK;
}

static sm_status open_safely(sm_volume *volume, const sm_dicom_study *study, size_t index, const sm_listener *listener,
                             sm_dicom_study *owned, sm_err *err)
{
    *volume = {};
    sm_status status = guarded(err, "DICOM", [&] {
        return open_volume(*volume, *study, index, listener, owned, err);
    });
    if (status != SM_OK)
        sm_volume_free(volume);
    return status;
}

extern "C" sm_status sm_dicom_open(sm_volume *volume, sm_dicom_study *study, size_t index,
                                   const sm_listener *listener, sm_err *err)
{
    sm_status status = open_safely(volume, study, index, listener, study, err);
    if (status != SM_OK)
        sm_dicom_study_free(study);
    return status;
}

extern "C" sm_status sm_dicom_read(sm_volume *volume, const sm_dicom_study *study, size_t index,
                                   const sm_listener *listener, sm_err *err)
{
    sm_status status = open_safely(volume, study, index, listener, nullptr, err);
    if (status == SM_OK)
        status = sm_volume_load_all(volume, err);
    if (status != SM_OK)
        sm_volume_free(volume);
    return status;
}
