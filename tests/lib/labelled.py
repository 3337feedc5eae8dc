"""labelled.py SAMMED2D DIR - segments every labelled case of DIR with boxes from its labels. TAP and a table.

Each object gets, on every slice, the box of its largest component there; what it is compared with is those
components. The ellipse inscribed in the same boxes says what a box alone is worth.
"""
import json
import os
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

from judge import dice, done, labels, ok, png_pixels, same_placement

program, folder = sys.argv[1:3]
# A model that does half as well as an ellipse has its boxes in the wrong place.
SHARE_OF_ELLIPSE = 0.75


def largest_component(mask):
    """Of a 2-D mask, eight neighbours."""
    left, best = set(map(tuple, np.argwhere(mask))), []
    while left:
        piece = [left.pop()]
        for x, y in piece:
            near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & left
            left -= near
            piece.extend(near)
        best = max(best, piece, key=len)
    out = np.zeros_like(mask)
    out[tuple(np.array(best).T)] = True
    return out


def slice_axis(image):
    """Across the largest spacing; within 0.1 % the axis nearest S decides."""
    zooms = np.array(image.header.get_zooms()[:3])
    thick = np.flatnonzero(zooms >= 0.999 * zooms.max())
    codes = nibabel.aff2axcodes(image.affine)
    upright = [a for a in thick if codes[a] in "SI"]
    return int(upright[0] if upright else thick[0])


def ellipse(shape, low, high):
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    return sum(((g - (l + h) / 2) / ((h - l + 1) / 2)) ** 2 for g, l, h in zip(grid, low, high)) <= 1


def boxes(mask, axis):
    """Boxes (3-D, one slice each), the components in them, and the ellipses."""
    found, part, round_ = [], np.zeros_like(mask), np.zeros_like(mask)
    for s in np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))):
        at = tuple(s if a == axis else slice(None) for a in range(3))
        part[at] = largest_component(mask[at])
        where = np.argwhere(part[at])
        low, high = where.min(axis=0), where.max(axis=0)
        round_[at] = ellipse(part[at].shape, low, high)
        found.append([int(v) for v in (*np.insert(low, axis, s), *np.insert(high, axis, s))])
    return found, part, round_


def segment(image, objects, out):
    prompts = out + ".prompts.json"
    json.dump({"space": "voxel", "objects": objects}, open(prompts, "w"))
    return subprocess.run([program, "segment", image, "-q", "--prompts", prompts, "--propagate", "none",
                           "-o", out], capture_output=True, text=True)


def judge(case, image, masks, axis, like, work):
    """masks: id -> (name, 3-D mask)."""
    objects, parts, ellipses = [], {}, {}
    for value, (name, mask) in masks.items():
        found, parts[value], ellipses[value] = boxes(mask, axis)
        objects.append({"name": name, "id": value, "boxes": found})
    out = os.path.join(work, case + ".nii.gz")
    run = segment(image, objects, out)
    if not ok(run.returncode in (0, 3), f"{case}: segmented"):
        print("#", run.stderr.strip())
        return
    label_map, voxels = labels(out)
    shape = next(iter(parts.values())).shape
    same = same_placement(label_map, like) if like else voxels.squeeze().shape == shape[:2]
    ok(same, f"{case}: the label map has the image's grid")
    voxels = voxels.reshape(shape)
    table = [(masks[v][0], dice(voxels == v, parts[v]), dice(ellipses[v], parts[v]), int(parts[v].sum()))
             for v in masks]
    for name, found, of_ellipse, count in table:
        print(f"# {case:24} {name:30} {found:6.3f} {of_ellipse:8.3f} {count:9}")
    mean, of_ellipse = np.mean([row[1] for row in table]), np.mean([row[2] for row in table])
    print(f"# {case:24} {'mean of ' + str(len(table)):30} {mean:6.3f} {of_ellipse:8.3f}")
    ok(mean > SHARE_OF_ELLIPSE * of_ellipse, f"{case}: mean Dice {mean:.3f}, ellipse {of_ellipse:.3f}")
    return case, len(table), mean, of_ellipse


def volume_case(case, work):
    about = json.load(open(f"{folder}/{case}/labels.json"))
    path = f"{folder}/{case}/{about['image']}"
    if not path.endswith((".nii", ".nii.gz")):
        ok(True, f"{case} # SKIP not a NIfTI image")
        return None
    image, truth = nibabel.load(path), labels(f"{folder}/{case}/{about['label']}")[1]
    masks = {int(v): (name, truth == int(v)) for v, name in about["labels"].items() if (truth == int(v)).any()}
    return judge(case, path, masks, slice_axis(image), image, work)


def picture_cases(case, work):
    """SAM-Med2D's own demo slices: images/NAME.png, masks/NAME_OBJECT_NNN.png."""
    for name in sorted(os.listdir(f"{folder}/{case}/images")):
        stem, masks = name[:-4], {}
        for mask in sorted(os.listdir(f"{folder}/{case}/masks")):
            if mask.startswith(stem + "_"):
                pixels = png_pixels(f"{folder}/{case}/masks/{mask}")[:, :, :1].transpose(1, 0, 2) > 0
                masks[len(masks) + 1] = (mask[len(stem) + 1:-4], pixels)
        if masks:
            yield judge(stem, f"{folder}/{case}/images/{name}", masks, 2, None, work)


rows = []
with tempfile.TemporaryDirectory() as scratch:
    print(f"# {'case':24} {'object':30} {'Dice':>6} {'ellipse':>8} {'voxels':>9}")
    for entry in sorted(os.listdir(folder)):
        if os.path.exists(f"{folder}/{entry}/labels.json"):
            rows.append(volume_case(entry, scratch))
        elif os.path.isdir(f"{folder}/{entry}/masks"):
            rows.extend(picture_cases(entry, scratch))
rows = [row for row in rows if row]
for row in rows:
    print("# %-24s %3d objects   Dice %.3f   ellipse %.3f" % row)
if ok(rows, "there were cases"):
    print("# %-24s %3d objects   Dice %.3f   ellipse %.3f" % (
        "mean of cases", sum(r[1] for r in rows), np.mean([r[2] for r in rows]), np.mean([r[3] for r in rows])))
done()
