"""check_phantom.py DIR - is a phantom of data/ what its README says? Exits 1 with a sentence if not."""
import json
import sys

import nibabel
import numpy as np

folder = sys.argv[1]
names = {int(v): n for v, n in json.load(open(folder + "/labels.json"))["labels"].items()}
image, truth = (nibabel.load(f"{folder}/{name}.nii.gz") for name in ("image", "truth"))
voxels = np.asarray(truth.dataobj)
axis = int(np.argmax(image.header.get_zooms()))  # slices are what is thickest

assert image.shape == truth.shape and (image.affine == truth.affine).all(), "image and truth differ in grid"
assert np.abs(image.get_sform() - image.get_qform()).max() < 1e-4, "sform and qform differ"
assert sorted(names) == [v for v in np.unique(voxels) if v], "labels.json and the truth name other labels"
assert np.std(np.asarray(image.dataobj)) > 50, "nothing to see"

# What is left lies on the left: x grows to the right in NIfTI's frame.
for value, name in names.items():
    if name.endswith(("_left", "_right")):
        x = nibabel.affines.apply_affine(truth.affine, np.argwhere(voxels == value)).mean(axis=0)[0]
        assert (x < 0) == name.endswith("_left"), f"{name} is on the wrong side"


def bounds(mask):
    where = np.argwhere(mask)
    return [*where.min(axis=0).tolist(), *where.max(axis=0).tolist()]


def in_slice(mask, s):
    alone = np.zeros_like(mask)
    at = tuple(s if a == axis else slice(None) for a in range(3))
    alone[at] = mask[at]
    return alone


def objects(file):
    found = json.load(open(f"{folder}/{file}"))
    assert found["space"] == "voxel"
    assert [(o["id"], o["name"]) for o in found["objects"]] == sorted(names.items()), f"{file}: other objects"
    return [(o, voxels == o["id"]) for o in found["objects"]]


for o, mask in objects("prompts.json"):
    slices = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    assert o["boxes"] == [bounds(in_slice(mask, s)) for s in slices], f"prompts.json: {o['name']}"
for o, mask in objects("box3d.json"):
    assert o["boxes"] == [bounds(mask)], f"box3d.json: {o['name']}"
for o, mask in objects("middle.json"):
    (box,) = o["boxes"]
    assert box == bounds(in_slice(mask, box[axis])), f"middle.json: {o['name']}"
    before = np.take(mask, range(box[axis]), axis).sum()
    assert 2 * before < mask.sum() <= 2 * (before + in_slice(mask, box[axis]).sum()), "not the middle slice"
for o, mask in objects("points.json"):
    ((*at, positive),) = o["points"]
    assert positive == 1 and mask[tuple(at)], f"points.json: {o['name']}"
