"""How far masks in lower precisions are from float32's: precision.py SAMMED2D LABELLED PHANTOMS...

Every label of every case is segmented with the boxes of its own slices, in each precision; a mask is
one object on one slice. TAP: mean Dice with float32 over all masks, and how many there were.
VERBOSE=1 shows each case."""
import os
import subprocess
import sys
import tempfile

import nibabel
import numpy

LEAST = {"bf16": 0.995, "int8": 0.985}
MASKS = 200


def cases(folders):
    for folder in folders:
        for place in [folder] + sorted(e.path for e in os.scandir(folder) if e.is_dir()):
            image = os.path.join(place, "image.nii.gz")
            for label in ("label.nii.gz", "truth.nii.gz"):
                if os.path.exists(image) and os.path.exists(os.path.join(place, label)):
                    yield image, os.path.join(place, label)


def segment(program, image, label, precision, output):
    """The label map, slices last; None where nothing was found."""
    said = subprocess.run([program, "segment", image, "--mask", label, "--mask-as", "box",
                           "--plane", "axial", "--precision", precision, "-o", output, "-q"])
    if said.returncode not in (0, 3):
        raise SystemExit(f"{image}: segment failed with status {said.returncode}")
    return numpy.asanyarray(nibabel.load(output).dataobj)


def dices(one, other):
    """Of each label on each slice of the longest walk that both or either have it on."""
    for label in range(1, int(max(one.max(), other.max())) + 1):
        a, b = one == label, other == label
        for k in range(one.shape[2]):
            size = a[:, :, k].sum() + b[:, :, k].sum()
            if size:
                yield 2 * (a[:, :, k] & b[:, :, k]).sum() / size


def main():
    program, folders = sys.argv[1], sys.argv[2:]
    found = {precision: [] for precision in LEAST}
    with tempfile.TemporaryDirectory() as scratch:
        for image, label in cases(folders):
            output = os.path.join(scratch, "out.nii.gz")
            exact = segment(program, image, label, "float32", output).copy()
            for precision in LEAST:
                here = list(dices(exact, segment(program, image, label, precision, output)))
                found[precision] += here
                if os.environ.get("VERBOSE") and here:
                    print(f"# {image} {precision}: {len(here)} masks, mean {numpy.mean(here):.4f}, "
                          f"least {min(here):.4f}", flush=True)
    print(f"1..{2 * len(LEAST)}")
    for number, (precision, least) in enumerate(LEAST.items()):
        all_of_them = found[precision]
        mean = numpy.mean(all_of_them)
        print(f"{'ok' if len(all_of_them) >= MASKS else 'not ok'} {2 * number + 1} - "
              f"{precision}: {len(all_of_them)} masks, at least {MASKS}")
        print(f"{'ok' if mean >= least else 'not ok'} {2 * number + 2} - "
              f"{precision}: mean Dice {mean:.5f}, at least {least}; "
              f"5 % are below {numpy.percentile(all_of_them, 5):.4f}, least {min(all_of_them):.4f}")


main()
