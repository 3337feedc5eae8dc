"""check_demo.py DEMO CASE SAID FLOOR - is what the demo left in DEMO right? TAP. SAID is the Dice it printed.

The label map has to agree with the truth better than with a truth that lies one voxel off along any axis, or
mirrored along any: that is what a wrong slice, a forgotten half voxel or a flip would turn round.
"""
import csv
import json
import sys

import numpy as np

from judge import dice, done, labels, mean_dice, ok, png_size, same_placement, shifted

demo, case, said, floor = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
names = {int(v): n for v, n in json.load(open(f"data/{case}/labels.json"))["labels"].items()}
found_image, found = labels(f"{demo}/{case}.nii.gz")
_, truth = labels(f"data/{case}/truth.nii.gz")
# A series of DICOM files has no NIfTI image; its truth is on the same grid.
image, _ = labels(f"data/{case}/{'truth' if case == 'ct-dicom' else 'image'}.nii.gz")

ok(same_placement(found_image, image), f"{case}: the label map has the image's grid")
ok(found_image.get_data_dtype() == np.uint8, f"{case}: in the smallest type")
ok(set(np.unique(found)) <= {0, *names}, f"{case}: no label but those asked for")
size = png_size(f"{demo}/{case}.png")
ok(size and size[2] == 3 and 400 <= size[0] <= 2000 and size[1] >= 300, f"{case}: the preview is a sound PNG {size}")
rows = list(csv.DictReader(open(f"{demo}/{case}.csv")))
ok([r["name"] for r in rows] == [names[v] for v in sorted(names)], f"{case}: statistics name every object")
ok([int(r["voxels"]) for r in rows] == [int((found == v).sum()) for v in sorted(names)],
   f"{case}: and count its voxels")

mean = mean_dice(found, truth, names)
for v in sorted(names):
    print(f"# {case} {names[v]:20} {dice(found == v, truth == v):.3f}")
ok(abs(mean - said) < 0.0006, f"{case}: mean Dice {mean:.3f} is what the demo prints")
ok(mean > floor, f"{case}: mean Dice {mean:.3f} above {floor}")
for axis in range(3):
    for by in (-1, 1):
        off = mean_dice(found, shifted(truth, axis, by), names)
        ok(off < mean - 0.01, f"{case}: one voxel off along {'ijk'[axis]} by {by:+d} would be worse: {off:.3f}")
    off = mean_dice(found, np.flip(truth, axis), names)
    ok(off < 0.5 * mean, f"{case}: mirrored along {'ijk'[axis]} would be worse: {off:.3f}")
done()
