// dicom/source.h - what a volume remembers of its DICOM source, for writing a SEG that refers to it.
//
// Strings are the source's own bytes, unconverted: positions, orientation and spacing go into a SEG as
// the source wrote them, names keep the source's character set.
#ifndef DICOM_SOURCE_H
#define DICOM_SOURCE_H

#include <memory>
#include <string>
#include <vector>

class DcmDataset;

// Where slice k of the volume (in the volume's order) came from.
struct sm_dicom_slice {
    std::string sop_class_uid, sop_instance_uid;
    int frame_number = 0; // from 1 where the instance is multi-frame, else 0
    std::string position; // ImagePositionPatient "x\y\z" of the slice; exact decimals for a mosaic's tile
    bool mosaic = false;  // one tile of a mosaic: a SEG can refer to the whole instance only
};

struct sm_dicom_source {
    sm_dicom_source();
    ~sm_dicom_source();

    // The header of the first slice's instance: every attribute before PixelData but the per-frame
    // functional groups. For DcmSegmentation::importFromSourceImage.
    std::unique_ptr<DcmDataset> header;
    std::string character_set; // SpecificCharacterSet "" or "\ISO 2022 IR 87" ...

    std::string study_uid, series_uid, frame_of_reference_uid, modality, series_description;
    int series_number = 0; // 0: none

    std::string orientation;            // ImageOrientationPatient, six numbers; "" without geometry
    std::string pixel_spacing;          // PixelSpacing "row\column"
    std::string slice_thickness;        // "" when the source has none
    double spacing_between_slices = 0;  // mm along the normal, the median step; 0 for one slice
    int rows = 0, columns = 0;

    bool lossy = false;       // any slice has been lossy compressed
    std::string lossy_ratio, lossy_method; // as the source says; "" when it does not

    std::vector<sm_dicom_slice> slices; // nz
    // The series' instances that make the volume, each once, in slice order: class and instance UID.
    std::vector<std::pair<std::string, std::string>> instances;
};

#endif
