#!/usr/bin/python3
"""Holds a DICOM SEG against its series and a label map, with pydicom and numpy alone.

    seg_written.py SEG SERIES_DIR [LABELS.nii.gz]

Decodes the frames itself, puts each where its reference says, and compares with the label map's slice at
that place. Prints what differs, one line each; exit status 1 when anything does.
"""
import json
import os
import sys

import numpy as np
import pydicom

SAME = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
        "StudyTime", "StudyID", "AccessionNumber", "FrameOfReferenceUID", "SpecificCharacterSet")


def planes(folder):
    """(SOP instance, frame number or None) -> position strings; and one data set of the series."""
    found, first = {}, None
    for top, _, names in os.walk(folder):
        for name in names:
            d = first = pydicom.dcmread(os.path.join(top, name))
            groups = d.get("PerFrameFunctionalGroupsSequence")
            if not groups:
                found[d.SOPInstanceUID, None] = [str(x) for x in d.ImagePositionPatient]
            for f, g in enumerate(groups or []):
                found[d.SOPInstanceUID, f + 1] = [str(x) for x in g.PlanePositionSequence[0].ImagePositionPatient]
    return found, first


def same_place(theirs, ours):
    """The source's own digits, unless they are more than a DS may have."""
    return theirs and all(t == o or (len(t) > 16 and abs(float(t) - float(o)) < 1e-9)
                          for t, o in zip(theirs, ours))


def frames(seg):
    size, count = seg.Rows * seg.Columns, int(seg.NumberOfFrames)
    data = np.frombuffer(seg.PixelData, "u1" if seg.BitsAllocated <= 8 else "<u2")
    if seg.BitsAllocated == 1:
        data = (data[:, None] >> np.arange(8)) & 1
    return data.reshape(-1)[:size * count].reshape(count, seg.Rows, seg.Columns)


def labels_of(path):
    import nibabel
    image = nibabel.load(path)
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    names = {o["name"]: o["id"] for o in json.load(open(path.replace(".nii.gz", ".json")))["labels"]}
    return np.asarray(image.dataobj).astype(int), affine, names


def main():
    wrong = []
    seg, (source, first) = pydicom.dcmread(sys.argv[1]), planes(sys.argv[2])
    wrong += [f"{n} differs" for n in SAME if seg.get(n) != first.get(n)]
    listed = {i.ReferencedSOPInstanceUID for s in seg.ReferencedSeriesSequence for i in s.ReferencedInstanceSequence}
    segments = {s.SegmentNumber: s for s in seg.SegmentSequence}
    pixels = frames(seg)
    drawn = {}
    for f, group in enumerate(seg.PerFrameFunctionalGroupsSequence):
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        key = image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")
        position = [str(x) for x in group.PlanePositionSequence[0].ImagePositionPatient]
        if not same_place(source.get(key), position):
            wrong.append(f"frame {f}: position {position}, its source has {source.get(key)}")
        if key[0] not in listed:
            wrong.append(f"frame {f}: source not in ReferencedSeriesSequence")
        if not pixels[f].any():
            wrong.append(f"frame {f} is empty")
        numbers = [group.SegmentIdentificationSequence[0].ReferencedSegmentNumber] \
            if seg.SegmentationType != "LABELMAP" else list(segments)
        for n in numbers:
            mask = pixels[f] == n if seg.SegmentationType == "LABELMAP" else pixels[f] * 2 > pixels.max()
            if mask.any():
                drawn[n, tuple(float(x) for x in source.get(key, position))] = mask
    if len(sys.argv) > 3:
        voxels, affine, names = labels_of(sys.argv[3])
        back = np.linalg.inv(affine)
        slices = {round((back @ [*p, 1])[2]): p for p in {tuple(float(x) for x in v) for v in source.values()}}
        for n, segment in segments.items():
            for k in range(voxels.shape[2]):
                want = voxels[:, :, k].T == names[str(segment.SegmentLabel)]
                got = drawn.get((n, slices.get(k)), np.zeros_like(want))
                if (want != got).any():
                    wrong.append(f"{segment.SegmentLabel}, slice {k}: {(want != got).sum()} pixels differ")
    for line in wrong:
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
