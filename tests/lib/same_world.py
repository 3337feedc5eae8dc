#!/usr/bin/python3
"""Two label maps that should say the same of the same places: same_world.py A.nii.gz B.nii.gz prints
"same", or what differs. And four series to make them from: same_world.py make DIR."""
import sys

import numpy as np

PLANES = {  # row and column direction
    "axial": ([1, 0, 0], [0, 1, 0]),
    "sagittal": ([0, 1, 0], [0, 0, -1]),
    "coronal_oblique": ([0.98, 0.17, 0.1], [0.08, 0.12, -0.99]),
    "axial_oblique": ([0.9, 0.35, 0.2], [-0.3, 0.9, -0.25]),
}


def make(out):
    import make_dicom
    for number, (name, (row, column)) in enumerate(PLANES.items()):
        row, column = (np.array(v, float) for v in (row, column))
        row /= np.linalg.norm(row)
        column -= row * (row @ column)
        column /= np.linalg.norm(column)
        normal = np.cross(row, column)
        y, x = np.mgrid[:72, :96]
        for k in range(7):
            d = make_dicom.image(k, f"1.2.50.{number + 1}", cls=make_dicom.CT if number == 0 else make_dicom.MR,
                                 shape=(72, 96))
            if number:
                del d.RescaleSlope, d.RescaleIntercept
            place = -48 * row - 36 * column + (3.25 * k - 10) * normal
            d.ImagePositionPatient = [f"{v:.6f}" for v in place]
            d.ImageOrientationPatient = [f"{v:.9f}" for v in (*row, *column)]
            d.PixelSpacing, d.SliceThickness, d.PatientPosition = [1.25, 0.8] if number == 3 else [1, 1], 3.25, "HFS"
            d.PatientName, d.PatientID, d.StudyDate, d.SeriesTime = "x", "x", "20200101", "10"
            inside = ((x - 44 - k) / 1.5) ** 2 + (y - 30) ** 2 < (12 + k) ** 2
            d.PixelData = np.where(inside, 400 + (x + 2 * y) % 50, 30 + x).astype("<i2").tobytes()
            make_dicom.save(d, out, name, f"{(k * 3) % 7}")


def main(a, b):
    import nibabel
    a, b = nibabel.load(a), nibabel.load(b)
    turn = np.linalg.inv(b.affine) @ a.affine
    whole = np.round(turn)
    if np.abs(turn - whole)[:3, :3].max() > 1e-3 or np.abs(turn - whole).max() > 0.02:
        return "other grids: " + str(turn.round(3).tolist())
    va, vb = np.asarray(a.dataobj), np.asarray(b.dataobj)
    at = np.argwhere(np.ones(va.shape, bool))
    to = (at @ whole[:3, :3].T + whole[:3, 3]).astype(int)
    if va.size != vb.size or to.min() < 0 or (to.max(0) >= vb.shape).any():
        return "other extents"
    if not va.any():
        return "empty"
    differ = (va[tuple(at.T)] != vb[tuple(to.T)]).sum()
    return "same" if differ == 0 else f"{differ} voxels differ of {np.count_nonzero(va)}"


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        print(main(*sys.argv[1:]))
