"""eval_volume.py SAMMED2D CASE WORK - eval's figures in three dimensions against `segment`, asked by hand. TAP.

A piece of CASE (image.nii.gz, truth.nii.gz) is cut out. The boxes are made here, from the truth, and so is Dice.
"""
import json
import os
import subprocess
import sys

import nibabel
import numpy as np

from judge import dice, done, labels, ok

program, case, work = sys.argv[1:4]
folder = os.path.join(work, "piece")
os.makedirs(folder, exist_ok=True)
image = nibabel.load(f"{case}/image.nii.gz")
_, truth = labels(f"{case}/truth.nii.gz")
axis = int(np.argmax(image.header.get_zooms()[:3]))
middle = truth.shape[axis] // 2
piece = tuple(slice(middle - 3, middle + 4) if a == axis else slice(None) for a in range(3))
nibabel.save(image.slicer[piece], f"{folder}/image.nii.gz")
truth = truth[piece]
nibabel.save(nibabel.Nifti1Image(truth.astype(np.uint8), image.slicer[piece].affine), f"{folder}/truth.nii.gz")
about = json.load(open(f"{case}/labels.json"))
names = {v: n for v, n in about["labels"].items() if (truth == int(v)).any()}
json.dump({"image": "image.nii.gz", "label": "truth.nii.gz", "labels": names}, open(f"{folder}/labels.json", "w"))


def eval_json(*more):
    run = subprocess.run([program, "eval", "--data", folder, "--prompts", "box", "--every-nth", "100", "--json", "--threads", "1", *more],
                         capture_output=True, text=True)
    ok(run.returncode == 0, "eval " + " ".join(more[:2])) or print("#", run.stderr)
    return json.loads(run.stdout)


def at(s):
    return tuple(s if a == axis else slice(None) for a in range(3))


def box(value, s):
    where = np.argwhere(truth[at(s)] == value)
    low, high = where.min(axis=0), where.max(axis=0)
    return [int(v) for v in (*np.insert(low, axis, s), *np.insert(high, axis, s))]


def asked(way, value):
    """Slices that get a box, and how far the object is carried."""
    area = [(truth[at(s)] == value).sum() for s in range(truth.shape[axis])]
    there = np.flatnonzero(area)
    half = int(np.flatnonzero(2 * np.cumsum(area) >= sum(area))[0])
    if way == "every":
        return [int(s) for s in there]
    return sorted({int(there[0]), half, int(there[-1])}) if way == "three" else [half]


def segment(way, values):
    prompts, out = f"{work}/{way}-prompts.json", f"{work}/{way}.nii.gz"
    objects = [{"name": str(v), "id": v, "boxes": [box(v, s) for s in asked(way, v)]} for v in values]
    json.dump({"space": "voxel", "objects": objects}, open(prompts, "w"))
    run = subprocess.run([program, "segment", f"{folder}/image.nii.gz", "-q", "--threads", "1", "--prompts", prompts, "-o", out,
                          "--propagate", "none" if way == "every" else "auto"], capture_output=True, text=True)
    ok(run.returncode in (0, 3), f"segment {way}") or print("#", run.stderr)
    return labels(out)[1].reshape(truth.shape)


results = f"{work}/piece.jsonl"
told = eval_json("--volume", "all", "--tolerance-mm", "3", "--results", results)["volume"]
ok(sorted(told) == ["box", "every", "point", "three"], "all ways")
values = [int(v) for v in names if ((truth == int(v)).any(axis=tuple(a for a in range(3) if a != axis))).sum() >= 3]
for way in ("every", "three", "box"):
    found = segment(way, values)
    mean = float(np.mean([dice(found == v, truth == v) for v in values]))
    ok(told[way]["objects"] == len(values), f"{way}: {len(values)} labels of three slices or more")
    ok(abs(mean - told[way]["dice"]) < 1e-9, f"{way}: mean Dice {mean:.4f}, reported {told[way]['dice']:.4f}")
    missed = sum(not (found == v).any() for v in values)
    ok(missed == told[way]["missed"], f"{way}: {missed} missed")
ok(told["every"]["dice"] > told["point"]["dice"], "a box on every slice says more than a point")
ok(0 < told["every"]["surface_dice"] <= 1 and told["every"]["hd95_mm"] > 0, "distances between surfaces")
ok(eval_json("--volume", "all", "--tolerance-mm", "3", "--results", results)["volume"] == told, "known the second time")
done()
