#!/usr/bin/python3
"""Series with slices missing or unevenly spaced: make_gaps.py make DIR, and the judge of label maps made
from them: make_gaps.py check HOW SERIES MAP.nii.gz ONE_SLICE_MAPS..., one map a slice in slice order."""
import os
import sys

import numpy as np

import make_dicom

SIDE = 64
# where slices lie along z, mm, and how far a slice is moved along y for each mm (a tilted gantry)
SERIES = {
    "missing": ([0, 2.5, 5, 12.5, 15, 17.5, 20, 22.5], 0),
    "rounded": ([0, 3.3, 6.7, 10, 16.7, 20, 23.3, 26.7, 30], 0),
    "uneven": ([0, 4, 8, 12, 16, 17.1, 24.1, 31.1], 0),
    "tilted": ([0, 2.5, 5, 12.5, 15, 17.5, 20, 22.5], -0.3),
    # no step is far from the others, but in the end they add up
    "drift": ([round(2.5 * n + 0.048 * max(0, n - 12), 3) for n in range(25)], 0),
    "aside": ([2.5 * n for n in range(9)], 0),
    "astray": ([2.5 * n for n in range(9)], 0),
    "zigzag": ([2.5 * n for n in range(10)], 0),
}
# which slices are moved along y, and how far, mm
ASIDE = {"aside": (range(4, 9), 10), "astray": (range(4, 9), 40), "zigzag": (range(1, 10, 2), 10)}


def write(out, name):
    places, shear = SERIES[name]
    y, x = np.mgrid[:SIDE, :SIDE]
    for n, z in enumerate(places):
        d = make_dicom.image(n, "1.2.40." + str(list(SERIES).index(name) + 1), shape=(SIDE, SIDE))
        which, aside = ASIDE.get(name, ((), 0))
        d.ImagePositionPatient = [-30, round(-20 + shear * z + (aside if n in which else 0), 6), z]
        d.PixelSpacing = [1, 1]
        inside = (x - 30 - n) ** 2 + (y - 28) ** 2 < (14 + n) ** 2
        d.PixelData = np.where(inside, 300 + 10 * n, 20).astype("<i2").tobytes()
        make_dicom.save(d, out, name, f"s{(n * 5) % len(places)}-{n:02d}.dcm")


def positions(series):
    import pydicom
    found = [pydicom.dcmread(os.path.join(series, f), stop_before_pixels=True) for f in os.listdir(series)]
    return sorted(([float(v) for v in d.ImagePositionPatient] for d in found), key=lambda p: p[2])


def moved(truth, rows):
    """truth as it is seen from a corner so many rows further on"""
    seen = np.zeros_like(truth)
    side = truth.shape[1]
    seen[:, max(0, -rows):side - max(0, rows)] = truth[:, max(0, rows):side - max(0, -rows)]
    return seen


def check(how, series, path, singles):
    import nibabel
    image = nibabel.load(path)
    labels = np.asarray(image.dataobj)
    truth = [np.asarray(nibabel.load(p).dataobj)[:, :, 0] for p in singles]
    origins = positions(series)
    assert len(truth) == len(origins), "one map a slice"
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    corners = [affine[:3] @ [0, 0, m, 1] for m in range(labels.shape[2])]
    steps = np.diff([o[2] for o in origins])
    assert abs(affine[2, 2] - np.median(steps)) < 0.1, "step"
    if how == "fill":
        home = [int(np.argmin([np.linalg.norm(c - o) for c in corners])) for o in origins]
        for n, m in enumerate(home):
            assert np.linalg.norm(corners[m] - origins[n]) < 0.3, f"slice {n} lies {corners[m] - origins[n]} off"
            assert (labels[:, :, m] == truth[n]).all(), f"slice {n} at {m}"
        for m in set(range(labels.shape[2])) - set(home):
            assert not labels[:, :, m].any(), f"slice {m} should be empty"
    else:
        for m, corner in enumerate(corners):
            away = [abs(corner[2] - o[2]) for o in origins]
            near = [n for n in range(len(origins)) if away[n] < min(away) + 1e-6]
            rows = [round(corner[1] - origins[n][1]) for n in near]
            assert any((labels[:, :, m] == moved(truth[n], r)).all() for n, r in zip(near, rows)), f"slice {m}: not that of {near}"
    assert labels.any()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        for name in SERIES:
            write(sys.argv[2], name)
    else:
        check(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
        print("agrees")
