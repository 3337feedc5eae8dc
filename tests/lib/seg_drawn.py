#!/usr/bin/python3
"""Holds the pixels of SEGs of tests/tools/write_seg.c against what it draws, frame by frame, each in the
slice that its position names: seg_drawn.py SEG SERIES_DIR OBJECTS [alike]. Prints what differs, then the
number of frames and segments."""
import sys

import numpy as np
import pydicom

from seg_written import frames, planes


def normal_of(dataset):
    shared = dataset.get("SharedFunctionalGroupsSequence")
    orientation = shared[0].PlaneOrientationSequence[0].ImageOrientationPatient if shared \
        else dataset.ImageOrientationPatient
    return np.cross(orientation[:3], orientation[3:])


def main(path, folder, objects, alike=None):
    seg = pydicom.dcmread(path)
    source, first = planes(folder)
    normal = normal_of(first)
    order = sorted({tuple(float(x) for x in p) for p in source.values()}, key=lambda p: np.dot(normal, p))
    pixels = frames(seg)
    y, x = np.mgrid[:seg.Rows, :seg.Columns]
    for f, group in enumerate(seg.PerFrameFunctionalGroupsSequence):
        k = order.index(tuple(float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient))
        drawn = (x + 3 * y + 5 * k) % (objects + 1)
        if seg.SegmentationType == "LABELMAP":
            want = np.where(drawn < objects, drawn + 1, 0)
        else:
            # Objects without a pixel are left out, so the label says which this is.
            number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            o = 0 if alike else int(seg.SegmentSequence[number - 1].SegmentLabel.split()[-1]) - 1
            want = (drawn == o) * (1 + (x + y) % 255 if seg.SegmentationType == "FRACTIONAL" else 1)
        if (want != pixels[f]).any():
            print(f"frame {f}: {(want != pixels[f]).sum()} pixels differ")
    print(f"{len(pixels)} frames, {len(seg.SegmentSequence)} segments")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
