#!/usr/bin/python3
"""For tests/long/seg_large.t. seg_large.py make DIR: 300 slices of 512 x 512. seg_large.py check SEG OBJECTS:
frames of tests/tools/write_seg.c, some of them, without reading all. seg_large.py run COMMAND...: its exit
status and the largest resident memory in MB."""
import os
import resource
import subprocess
import sys

import numpy as np

COUNT, SIDE = 300, 512


def make(out):
    from make_dicom import save
    from make_seg_series import ball, one
    picture = ball((SIDE, SIDE), 1, 3).tobytes()
    for k in range(COUNT):
        d = one(k, COUNT, "2.25.200", (2, 2), (0, 0, 2.5 * k))
        d.Rows = d.Columns = SIDE
        d.PixelSpacing, d.PixelData = [0.7, 0.7], picture
        save(d, out, "large", f"{k:03}")


def check(path, objects):
    import pydicom
    seg = pydicom.dcmread(path, stop_before_pixels=True)
    count, kind, size = int(seg.NumberOfFrames), seg.SegmentationType, SIDE * SIDE
    data = np.memmap(path, "u1", "r")[-(count * size // (8 if kind == "BINARY" else 1)):]
    y, x = np.mgrid[:SIDE, :SIDE]
    for f in [*range(0, count, 97), count - 1]:
        group = seg.PerFrameFunctionalGroupsSequence[f]
        k = group.FrameContentSequence[0].InStackPositionNumber - 1
        drawn = (x + 3 * y + 5 * k) % (objects + 1)
        if kind == "LABELMAP":
            want = np.where(drawn < objects, drawn + 1, 0)
        else:
            o = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1
            want = (drawn == o) * (1 + (x + y) % 255 if kind == "FRACTIONAL" else 1)
        if kind == "BINARY":
            got = np.unpackbits(data[f * size // 8:(f + 1) * size // 8], bitorder="little")
        else:
            got = data[f * size:(f + 1) * size]
        if (got.reshape(SIDE, SIDE) != want).any():
            print(f"frame {f} differs")
    print(count, "frames")


def run(*command):
    status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    elif sys.argv[1] == "check":
        check(sys.argv[2], int(sys.argv[3]))
    else:
        run(*sys.argv[2:])
