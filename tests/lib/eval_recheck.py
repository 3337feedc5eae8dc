"""eval_recheck.py STEP OBJECTS.csv REPORT.json CASE=LABEL ... - eval's figures computed again. TAP.

OBJECTS.csv and the masks it names come from `eval --every-nth STEP --orient stored --masks DIR --objects OBJECTS.csv`, REPORT.json
from --json of the same run. Labels are read with nibabel, parts found with scipy; nothing of sammed2d is used.
"""
import csv
import json
import os
import sys

import nibabel
import numpy as np
from scipy import ndimage

from judge import done, labels, ok, png_pixels

step, objects, report = int(sys.argv[1]), *sys.argv[2:4]
truths = dict(argument.split("=", 1) for argument in sys.argv[4:])
rows = list(csv.DictReader(open(objects)))
told = json.load(open(report))


def slice_axis(image):
    """Across the largest spacing; within 0.1 % the axis nearest S, then P, decides."""
    zooms = np.array(image.header.get_zooms()[:3])
    thick = np.flatnonzero(zooms >= 0.999 * zooms.max())
    codes = nibabel.aff2axcodes(image.affine)
    for letters in ("SI", "AP", "LR"):
        for axis in thick:
            if codes[axis] in letters:
                return int(axis)


volumes = {}
for case, path in truths.items():
    image, voxels = labels(path)
    volumes[case] = (np.moveaxis(voxels.reshape(image.shape[:3]), slice_axis(image), 0))


def largest(mask):
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = ndimage.sum_labels(mask, parts, range(1, count + 1))
    return parts == 1 + int(np.argmax(sizes))


def truth_of(row):
    """In the picture's frame: rows along the higher axis."""
    return largest(volumes[row["case"]][int(row["slice"])].T == int(row["id"]))


def box_of(mask):
    y, x = np.nonzero(mask)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def answer_of(row, truth):
    x0, y0, x1, y1 = box_of(truth)
    y, x = np.ogrid[:truth.shape[0], :truth.shape[1]]
    if row["prompt"] == "box filled":
        return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    if row["prompt"] == "ellipse":
        return ((2 * x + 1 - x0 - x1) / (x1 - x0)) ** 2 + ((2 * y + 1 - y0 - y1) / (y1 - y0)) ** 2 <= 1
    return png_pixels(row["mask"])[:, :, 0] > 127


def overlap(a, b):
    both = np.count_nonzero(a & b)
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * both / total, both / (total - both)


# ---- every object of every prompt: boxes, areas and scores ----
wrong = {"box": 0, "pixels": 0, "dice": 0, "iou": 0}
for row in rows:
    truth = truth_of(row)
    dice, iou = overlap(truth, answer_of(row, truth))
    wrong["box"] += tuple(int(row[k]) for k in ("x0", "y0", "x1", "y1")) != box_of(truth)
    wrong["pixels"] += int(row["pixels"]) != np.count_nonzero(truth)
    wrong["dice"] += abs(float(row["dice"]) - dice) > 1e-8
    wrong["iou"] += abs(float(row["iou"]) - iou) > 1e-8
for name, count in wrong.items():
    ok(count == 0, f"{name} of {len(rows)} rows ({count} differ)")

# ---- which objects there are ----
asked = {(r["case"], int(r["slice"]), int(r["id"])) for r in rows}
expected = set()
for case, voxels in volumes.items():
    for s, picture in list(enumerate(voxels))[::step]:
        for value in np.unique(picture[picture > 0]):
            if np.count_nonzero(largest(picture == value)) * 65536 >= 100 * picture.size:
                expected.add((case, s, int(value)))
ok(asked == expected, f"the objects of at least 100 pixels at 256: {len(asked)}, expected {len(expected)}")
ok(told["objects"] == len(expected), "... and so many are reported")

# ---- the tables ----
prompts = sorted({r["prompt"] for r in rows})
reported = dict(told["prompts"])
reported["box filled"], reported["ellipse"] = told["baseline_box"], told["baseline_ellipse"]
ok(sorted(reported) == prompts, "every prompt is in the report")
for prompt in prompts:
    own = [r for r in rows if r["prompt"] == prompt]
    for key in ("dice", "iou"):
        mean = np.mean([float(r[key]) for r in own])
        ok(abs(mean - reported[prompt][key]) < 1e-6, f"{prompt}: mean {key} {mean:.4f}")
    if own[0]["predicted_iou"]:
        error = np.mean([abs(float(r["predicted_iou"]) - float(r["iou"])) for r in own])
        ok(abs(error - reported[prompt]["predicted_iou_error"]) < 1e-5, f"{prompt}: predicted IoU off by {error:.4f}")
    low, high = reported[prompt]["ci95"] or (None, None)
    if low is not None:
        # Units: subjects, or images where there are fewer than five. Another generator: a few hundredths apart.
        subjects = {r["subject"] for r in own}
        unit = (lambda r: r["subject"]) if len(subjects) >= 5 else (lambda r: (r["case"], r["slice"]))
        sums = {}
        for r in own:
            s = sums.setdefault(unit(r), [0, 0])
            s[0] += float(r["dice"])
            s[1] += 1
        values, draw = np.array(list(sums.values())), np.random.default_rng(1)
        means = [np.divide(*values[draw.integers(0, len(values), len(values))].sum(axis=0)) for _ in range(4000)]
        mine = np.percentile(means, [2.5, 97.5])
        width = mine[1] - mine[0]
        ok(abs(low - mine[0]) < 0.1 * width + 1e-4 and abs(high - mine[1]) < 0.1 * width + 1e-4,
           f"{prompt}: interval {low:.4f} to {high:.4f}, numpy's {mine[0]:.4f} to {mine[1]:.4f}")
for name, group in told["labels"].items():
    own = [float(r["dice"]) for r in rows if r["label"] == name and r["prompt"] == "ellipse"]
    if own:
        ok(abs(np.mean(own) - group["baseline_ellipse"]["dice"]) < 1e-6, f"{name}: mean Dice of the ellipse")
done()
