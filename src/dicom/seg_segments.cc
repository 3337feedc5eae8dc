// SegmentSequence: what each segment is. PS3.3 C.8.20.4.
#include <cstring>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>

#include "dicom/seg.h"

namespace dicom {

static const struct sm_code FAMILY = {"123110", "DCM", "Artificial Intelligence"};

static void put_algorithm(DcmItem &segment, const SegPlan &plan)
{
    put(segment, DCM_SegmentAlgorithmType, "SEMIAUTOMATIC");
    put(segment, DCM_SegmentAlgorithmName, "sammed2d");
    DcmItem &algorithm = put_item(segment, DCM_SegmentationAlgorithmIdentificationSequence);
    put_code(algorithm, DCM_AlgorithmFamilyCodeSequence, FAMILY, plan);
    put(algorithm, DCM_AlgorithmName, "sammed2d");
    put_text(algorithm, DCM_AlgorithmVersion, plan.options->algorithm_version, plan);
}

static void put_meaning(DcmItem &segment, const struct sm_segment_meaning &meaning, const SegPlan &plan)
{
    bool named = meaning.label[strspn(meaning.label, " ")] != '\0';
    put_text(segment, DCM_SegmentLabel, named ? meaning.label : "object", plan);
    if (meaning.description && *meaning.description)
        put_text(segment, DCM_SegmentDescription, meaning.description, plan);
    put_code(segment, DCM_SegmentedPropertyCategoryCodeSequence, meaning.category, plan);
    DcmItem &type = put_code(segment, DCM_SegmentedPropertyTypeCodeSequence, meaning.type, plan);
    if (*meaning.modifier.value)
        put_code(type, DCM_SegmentedPropertyTypeModifierCodeSequence, meaning.modifier, plan);
    if (*meaning.region.value) {
        DcmItem &region = put_code(segment, DCM_AnatomicRegionSequence, meaning.region, plan);
        if (*meaning.region_modifier.value)
            put_code(region, DCM_AnatomicRegionModifierSequence, meaning.region_modifier, plan);
    }
    segment.putAndInsertUint16Array(DCM_RecommendedDisplayCIELabValue, meaning.cielab, 3);
}

// The same patient's object keeps its UID from study to study, as its ID does.
static std::string tracking_uid(const char *id, const SegPlan &plan)
{
    char *patient = nullptr;
    std::string key = "tracking ";
    DcmElement *element = nullptr;
    if (plan.source->header->findAndGetElement(DCM_PatientID, element).good() &&
        element->getString(patient).good() && patient)
        key += patient;
    return uid_from(key + "\n" + id);
}

static void put_tracking(DcmItem &segment, const struct sm_seg_object &object, const SegPlan &plan)
{
    put_text(segment, DCM_TrackingID, object.tracking_id, plan);
    put(segment, DCM_TrackingUID, object.tracking_uid ? object.tracking_uid : tracking_uid(object.tracking_id, plan));
}

void seg_add_segments(DcmDataset &data, const SegPlan &plan)
{
    for (size_t o = 0; o < plan.count; o++) {
        if (!plan.numbers[o])
            continue;
        DcmItem &segment = put_item(data, DCM_SegmentSequence);
        put(segment, DCM_SegmentNumber, (unsigned)plan.numbers[o]);
        put_meaning(segment, plan.objects[o].meaning, plan);
        put_algorithm(segment, plan);
        if (plan.objects[o].tracking_id)
            put_tracking(segment, plan.objects[o], plan);
    }
}

} // namespace dicom
