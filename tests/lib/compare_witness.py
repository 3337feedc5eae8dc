"""compare_witness.py SAMMED2D WORK [LABEL_COMPARE.py] - holds `sammed2d compare` against scipy. TAP.

Blobs on grids of all kinds are written with nibabel, compared by the program, and counted and measured here
with scipy.ndimage: binary_erosion for surfaces, distance_transform_edt on grids with axes at right angles,
a cKDTree of the surface voxels' places elsewhere.
"""
import csv
import itertools
import json
import os
import subprocess
import sys

import nibabel
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

program, work = sys.argv[1:3]
label_compare = sys.argv[3] if len(sys.argv) > 3 else None
rng = np.random.default_rng(11)
count = 0


def ok(good, name, said=""):
    global count
    count += 1
    print("ok" if good else "not ok", count, "-", name)
    if not good:
        print("#", str(said).replace("\n", "\n# "))


def run(*words):
    done = subprocess.run([program, "compare", *map(str, words)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def compare(*words):
    status, out, said = run(*words, "--json", "-q")
    return json.loads(out) if status == 0 else {"status": status, "said": said}


def blobs(shape, labels=3):
    """Overlapping smooth blobs, a one-voxel object, and noise; int (i, j, k)."""
    out = np.zeros(shape, np.int16)
    for label in range(1, labels + 1):
        field = ndimage.gaussian_filter(rng.standard_normal(shape), 2.2, mode="nearest")
        out[field > np.quantile(field, 0.85)] = label
    out[tuple(rng.integers(0, n) for n in shape)] = labels + 1
    out[rng.random(shape) < 0.004] = labels + 2
    return out


def moved(labels):
    """Much the same, not quite."""
    out = np.roll(labels, (1, 0, -1), (0, 1, 2))
    out[rng.random(out.shape) < 0.01] = 0
    out[rng.random(out.shape) < 0.004] = 2
    return out


def save(array, affine, name):
    path = os.path.join(work, name)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def surface(mask):
    """Inside, with any of 26 neighbours outside; beyond the grid is outside."""
    return mask & ~ndimage.binary_erosion(np.pad(mask, 1), np.ones((3, 3, 3)))[1:-1, 1:-1, 1:-1]


def distances(a, b, affine):
    """Pooled: of each surface voxel from the other's surface."""
    sa, sb = surface(a), surface(b)
    axes = affine[:3, :3]
    gram = axes.T @ axes
    if np.abs(gram - np.diag(np.diag(gram))).max() < 1e-9:
        spacing = np.sqrt(np.diag(gram))
        to_a, to_b = (ndimage.distance_transform_edt(~s, sampling=spacing) for s in (sa, sb))
        return np.concatenate([to_b[sa], to_a[sb]])
    pa, pb = np.argwhere(sa) @ axes.T, np.argwhere(sb) @ axes.T
    return np.concatenate([cKDTree(pb).query(pa)[0], cKDTree(pa).query(pb)[0]])


def wanted(a, b, affine, tolerance=1.0):
    """What compare ought to say of two masks."""
    n, m, both = int(a.sum()), int(b.sum()), int((a & b).sum())
    ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    out = {"dice": 2 * both / (n + m) if n + m else 1, "iou": both / (n + m - both) if n + m else 1,
           "voxels_a": n, "voxels_b": m, "voxels_both": both, "volume_a_ml": n * ml, "volume_b_ml": m * ml,
           "hd95_mm": None, "hausdorff_mm": None, "assd_mm": None, "surface_dice": float(n + m == 0)}
    if n and m:
        d = distances(a, b, affine)
        out.update(hd95_mm=np.percentile(d, 95), hausdorff_mm=d.max(), assd_mm=d.mean(),
                   surface_dice=(d <= tolerance + 1e-6).mean())
    return out


def differs(said, a, b, affine, tolerance=1.0, labels=None):
    """Everything in which a document and the truth are not alike."""
    values = labels or sorted((set(np.unique(a)) | set(np.unique(b))) - {0})
    wrong = [f"labels {sorted(said['labels'])}"] if set(said["labels"]) != set(map(str, values)) else []
    for value in values:
        row = said["labels"].get(str(value), {})
        for key, right in wanted(a == value, b == value, affine, tolerance).items():
            got = row.get(key, "missing")
            same = got is None if right is None else (got not in (None, "missing") and abs(got - right) <= 1e-6)
            if not same:
                wrong.append(f"label {value} {key}: {got}, not {right}")
    return wrong


TURN = np.linalg.qr(np.array([[0.9, 0.2, -0.1], [-0.3, 1, 0.3], [0.2, -0.1, 1.1]]))[0]
SHEAR = np.array([[1, 0, 0], [0, 1, 0.8], [0, 0, 1.0]])
GRIDS = {
    "plain": np.eye(3),
    "anisotropic": np.diag([0.5, -0.5, 4.0]),
    "thick first": np.diag([6.0, 0.75, 1.25]),
    "oblique": TURN @ np.diag([0.75, 0.5, 2.5]),
    "sheared": TURN @ SHEAR @ np.diag([0.5, 0.75, 2.0]),
}


def affine_of(axes, origin=(-20, 30, 7)):
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = axes, origin
    return out.astype(np.float32).astype(float)  # as the file will have it


def restored(array, affine, order, flips):
    """The same voxels in another storage order."""
    array, matrix = np.transpose(array, order), np.eye(4)
    matrix[:3, :3] = affine[:3, list(order)]
    matrix[:3, 3] = affine[:3, 3]
    for axis, flip in enumerate(flips):
        if flip:
            array = np.flip(array, axis)
            matrix[:3, 3] += matrix[:3, axis] * (array.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return array, matrix


def grids():
    for name, axes in GRIDS.items():
        affine = affine_of(axes)
        a = blobs((29, 24, 18))
        b = moved(a)
        b[b == 4] = 0  # only in A
        b[28, 23, 17] = 9  # only in B, in the corner
        tolerance = 1.5 if name == "oblique" else 1.0
        pa, pb = save(a, affine, "a.nii.gz"), save(b, affine, "b.nii")
        said = compare(pa, pb, "--tolerance-mm", tolerance)
        wrong = differs(said, a, b, affine, tolerance) if "labels" in said else said
        ok(not wrong, f"{name}: counts, overlaps and distances are scipy's", wrong)
        ok(said.get("same_grid") is True and said.get("same_order") is True and said["distance_mm"] == 0,
           f"{name}: the same grid")
        if label_compare and name != "sheared":
            checker(name, pa, pb, said)
        orders(name, a, b, affine, said)


def checker(name, pa, pb, said):
    done = subprocess.run([sys.executable, label_compare, pa, pb, "--json"], capture_output=True, text=True)
    rows = json.loads(done.stdout)["labels"]
    wrong = [(r, key) for r in rows for key in ("dice", "iou", "hd95_mm", "voxels_a", "voxels_b")
             if (r[key] is None) != (said["labels"][str(r["label"])][key] is None)
             or (r[key] is not None and abs(r[key] - said["labels"][str(r["label"])][key]) > 1e-6)]
    ok(rows and not wrong, f"{name}: as label_compare.py", wrong)


def orders(name, a, b, affine, said):
    """B in other storage orders says the same; all 48 for one grid, some for the others."""
    every = list(itertools.product(itertools.permutations(range(3)), itertools.product((0, 1), repeat=3)))
    some = every[1:] if name == "oblique" else [every[n] for n in (5, 13, 22, 38)]
    wrong = []
    for order, flips in some:
        pb = save(*restored(b, affine, order, flips), "turned.nii")
        turned = compare(os.path.join(work, "a.nii.gz"), pb, "--tolerance-mm", said["tolerance_mm"])
        if turned.get("labels") != said["labels"] or not turned["same_grid"] or turned["same_order"]:
            wrong.append((order, flips, turned))
    ok(not wrong, f"{name}: B stored in {len(some)} other orders", wrong[:1])


def small_cases():
    affine = affine_of(np.diag([1, 2, 3.0]))
    one = np.zeros((1, 1, 1), np.uint8) + 3
    pa = save(one, affine, "one.nii")
    ok(not differs(compare(pa, pa), one, one, affine), "a grid of one voxel")
    flat = np.zeros((12, 9, 1), np.uint8)
    flat[2:8, 3:7], other = 1, np.roll(flat, 2, 0)
    other[4:9, 2:5] = 1
    pa, pb = save(flat, affine, "flat.nii"), save(other, affine, "other.nii")
    ok(not differs(compare(pa, pb), flat, other, affine), "one slice")
    full, core = np.ones((9, 8, 7), np.uint8), np.zeros((9, 8, 7), np.uint8)
    core[4, 4, 3] = 1
    pa, pb = save(full, affine, "full.nii"), save(core, affine, "core.nii")
    ok(not differs(compare(pa, pb), full, core, affine), "a full grid and its middle voxel")
    empty = np.zeros((9, 8, 7), np.uint8)
    status, out, said = run(pa, save(empty, affine, "empty.nii"), "--json")
    ok(status == 0 and "label 1 (label 1) is in A only" in said and
       not differs(json.loads(out), full, empty, affine), "a label in one only: Dice 0, no distance, a warning", said)
    said = compare(os.path.join(work, "empty.nii"), os.path.join(work, "empty.nii"))
    ok(said.get("labels") == {} and said["same_grid"], "no label in either", said)
    said = compare(pa, pb, "--labels", "1,7")
    ok(not differs(said, full, core, affine, labels=[1, 7]), "a label asked for that neither has", said)
    said = compare(pa, pb, "--no-distances")
    ok(said["labels"]["1"]["dice"] == 2 / 505 and "hd95_mm" not in said["labels"]["1"], "overlaps alone", said)


def far_apart():
    affine = affine_of(GRIDS["sheared"])
    a, b = np.zeros((90, 60, 50), np.uint8), np.zeros((90, 60, 50), np.uint8)
    i, j, k = np.indices(a.shape)
    a[(i - 20) ** 2 + (j - 20) ** 2 + (k - 14) ** 2 < 100] = 1
    b[(i - 70) ** 2 + (j - 40) ** 2 + (k - 36) ** 2 < 130] = 1
    b[(i - 20) ** 2 + (j - 20) ** 2 + (k - 14) ** 2 < 9] = 1
    for name, axes in GRIDS.items():
        affine = affine_of(axes)
        said = compare(save(a, affine, "near.nii"), save(b, affine, "far.nii"))
        ok(not differs(said, a, b, affine), f"{name}: far apart", differs(said, a, b, affine))


def other_grids():
    affine = affine_of(GRIDS["oblique"])
    a = blobs((29, 24, 18))
    pa = save(a, affine, "a.nii")
    half = affine.copy()
    half[:3, 3] += 0.4 * affine[:3, 0]
    pb = save(a, half, "half.nii")
    status, _, said = run(pa, pb)
    ok(status == 1 and "have different voxels" in said and "--resample" in said and "29 x 24 x 18" in said,
       "other voxels are refused, with what differs", said)
    status, _, said = run(pa, save(a[2:, :, :15], affine @ np.array(
        [[1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "part.nii"))
    ok(status == 1 and "cover different regions" in said, "a part is refused", said)
    part = np.zeros_like(a)
    part[2:, :, :15] = a[2:, :, :15]
    said = compare(pa, os.path.join(work, "part.nii"), "--resample")
    ok(said.get("resampled") and not said["same_grid"] and not differs(said, a, part, affine),
       "and put in its place with --resample", said)
    fine = affine_of(GRIDS["oblique"] @ np.diag([0.6, 0.7, 0.4]), affine[:3, 3] + 0.1)
    b = blobs((50, 33, 41))
    places = np.linalg.inv(fine) @ affine @ np.concatenate(
        [np.indices(a.shape).reshape(3, -1), np.ones((1, a.size))])
    at = np.rint(places[:3]).astype(int)
    good = ((at >= 0) & (at < np.array(b.shape)[:, None])).all(0)
    there = np.zeros(a.size, b.dtype)
    there[good] = b[tuple(at[:, good])]
    said = compare(pa, save(b, fine, "fine.nii.gz"), "--resample")
    ok(not differs(said, a, there.reshape(a.shape), affine), "nearest neighbour onto A's grid",
       differs(said, a, there.reshape(a.shape), affine))
    near = affine.copy()
    near[:3, 3] += 0.03 * affine[:3, 1]
    said = compare(pa, save(a, near, "near.nii"))
    ok(said.get("same_grid") is False and 0.014 < said["distance_mm"] < 0.016 and said["labels"]["1"]["dice"] == 1 and
       "mm apart" in " ".join(said["warnings"]), "a shift of a fiftieth of a voxel is said", said)


def tables():
    affine = affine_of(GRIDS["anisotropic"])
    a = blobs((20, 18, 9))
    b = moved(a)
    b[b == 4] = 0
    pa, pb, table = save(a, affine, "a.nii"), save(b, affine, "b.nii"), os.path.join(work, "table.csv")
    with open(os.path.join(work, "a.json"), "w") as file:
        json.dump({"labels": [{"id": 1, "name": 'the "left", one'}]}, file)
    said = compare(pa, pb, "--csv", table)
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [(row, key) for row in rows for key, value in said["labels"][row["label"]].items()
             if key not in ("name", "id_a", "id_b") and (value is None) != (row[key] == "")
             or (key not in ("name", "id_a", "id_b") and value is not None and abs(float(row[key]) - value) > 1e-9)]
    ok(len(rows) == len(said["labels"]) and not wrong and rows[0]["name"] == 'the "left", one',
       "--csv says what --json says", wrong)
    status, out, _ = run(pa, pb)
    line = [w for w in out.splitlines() if w.split()[:1] == ["2"]][0].split()
    ok(status == 0 and out.startswith("same grid") and abs(float(line[3]) - said["labels"]["2"]["dice"]) < 1e-4,
       "and so does the table", out)
    said = compare(pa, pb, "--labels", 'the "left"')
    ok(said.get("status") == 1 and 'named "the "left""' in said["said"], "a name that is not there", said)
    os.remove(os.path.join(work, "a.json"))


grids()
small_cases()
far_apart()
other_grids()
tables()
print(f"1..{count}")
