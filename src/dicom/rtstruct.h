// dicom/rtstruct.h - contours in space, and the voxels inside them.
#ifndef DICOM_RTSTRUCT_H
#define DICOM_RTSTRUCT_H

#include "dicom/masks.h"
#include "dicom/place.h"

namespace dicom {

using Contour = std::vector<Vector>; // closed: the last point is joined to the first

// Fills mask `index` with what is inside the contours of one ROI. Contours along the slices go to the
// nearest slice within half a step; of several planes at one slice the nearest counts. Contours that
// rounded coordinates have brought apart are on one plane. A contour that is there twice counts once. Contours in
// another direction fill as far as halfway to the next such plane.
void fill_contours(Masks &masks, size_t index, const std::vector<Contour> &contours,
                   const Places &places, const MaskRequest &request);

} // namespace dicom
#endif
