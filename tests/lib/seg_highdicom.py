"""What highdicom reads of a SEG of tests/tools/write_seg.c: seg_highdicom.py SEG SERIES_DIR OBJECTS. The
pixels come by way of the references to the source. Prints what differs, then segments and their codes."""
import os
import sys

import highdicom
import numpy as np
import pydicom


def planes_of(folder):
    """The multi-frame source or None; SOP instances or frame numbers along the normal."""
    sets = [pydicom.dcmread(os.path.join(folder, name)) for name in os.listdir(folder)]
    multi = sets[0] if "PerFrameFunctionalGroupsSequence" in sets[0] else None
    if multi:
        shared = multi.SharedFunctionalGroupsSequence[0]
        orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        planes = [(group.PlanePositionSequence[0].ImagePositionPatient, frame + 1)
                  for frame, group in enumerate(multi.PerFrameFunctionalGroupsSequence)]
    else:
        orientation = sets[0].ImageOrientationPatient
        planes = [(one.ImagePositionPatient, one.SOPInstanceUID) for one in sets]
    normal = np.cross(orientation[:3], orientation[3:])
    return multi, [plane[1] for plane in sorted(planes, key=lambda p: np.dot(normal, p[0]))]


def code(concept):
    return f"{concept.value} {concept.scheme_designator} {concept.meaning}"


def main(path, folder, objects):
    seg = highdicom.seg.segread(path)
    multi, planes = planes_of(folder)
    numbers = list(range(1, objects + 1))
    words = dict(segment_numbers=numbers, rescale_fractional=False, assert_missing_frames_are_empty=True)
    if multi:
        got = seg.get_pixels_by_source_frame(multi.SOPInstanceUID, planes, **words)
    else:
        got = seg.get_pixels_by_source_instance(planes, **words)
    k, y, x = np.mgrid[:len(planes), :seg.Rows, :seg.Columns]
    for o in range(objects):
        want = ((x + 3 * y + 5 * k) % (objects + 1) == o) & (k + 1 < len(planes))
        if seg.SegmentationType == "FRACTIONAL":
            want = want * (1 + (x + y) % 255)
        differ = np.count_nonzero(got[..., o] != want)
        if differ:
            print(f"segment {o + 1}: {differ} pixels differ")
    for n in numbers:
        d = seg.get_segment_description(n)
        modifiers = d.SegmentedPropertyTypeCodeSequence[0].get("SegmentedPropertyTypeModifierCodeSequence", [])
        print("; ".join([d.segment_label, code(d.segmented_property_type),
                         *(f"{m.CodeValue} {m.CodeMeaning}" for m in modifiers)]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
