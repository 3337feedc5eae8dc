#include "dicom/source.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>

sm_dicom_source::sm_dicom_source() = default;
sm_dicom_source::~sm_dicom_source() = default;

#include <set>

#include "dicom/read.h"
#include "dicom/values.h"

namespace dicom {

static sm_dicom_slice slice_of(const Frame &frame, const Instance &instance)
{
    sm_dicom_slice slice;
    slice.sop_class_uid = instance.sop_class;
    slice.sop_instance_uid = instance.sop_uid;
    slice.frame_number = instance.enhanced ? frame.number + 1 : 0;
    slice.position = frame.position_text;
    slice.mosaic = frame.tile >= 0;
    return slice;
}

static void take_plane(sm_dicom_source &source, const Found &found)
{
    const Frame &first = found.frames[0];
    source.orientation = first.orientation_text;
    source.pixel_spacing = first.spacing_text;
    if (source.pixel_spacing.empty())
        source.pixel_spacing = print_number(first.row_spacing) + "\\" + print_number(first.column_spacing);
    source.slice_thickness = first.thickness_text;
    source.rows = first.rows;
    source.columns = first.columns;
    Vector normal = normal_of(first), step;
    for (int a = 0; a < 3; a++)
        step.x[a] = found.shown.grid.affine_lps[a][2];
    source.spacing_between_slices = found.frames.size() > 1 ? along(normal, step) : 0;
}

sm_dicom_source *source_of(const Found &found, const std::vector<Instance> &instances,
                           std::unique_ptr<DcmDataset> header)
{
    auto source = std::make_unique<sm_dicom_source>();
    const Instance &first = instances[(size_t)found.frames[0].instance];
    delete header->remove(DCM_PerFrameFunctionalGroupsSequence);
    source->character_set = text_of(*header, DCM_SpecificCharacterSet);
    source->study_uid = first.study_uid;
    source->series_uid = first.series_uid;
    source->frame_of_reference_uid = first.frame_of_reference;
    source->modality = first.modality;
    source->series_description = text_of(*header, DCM_SeriesDescription);
    source->series_number = first.series_number;
    source->lossy_ratio = text_of(*header, DCM_LossyImageCompressionRatio);
    source->lossy_method = text_of(*header, DCM_LossyImageCompressionMethod);
    take_plane(*source, found);
    std::set<int> seen;
    for (const Frame &frame : found.frames) {
        const Instance &instance = instances[(size_t)frame.instance];
        source->lossy |= instance.lossy;
        source->slices.push_back(slice_of(frame, instance));
        if (seen.insert(frame.instance).second)
            source->instances.push_back({instance.sop_class, instance.sop_uid});
    }
    source->header = std::move(header);
    return source.release();
}

} // namespace dicom
