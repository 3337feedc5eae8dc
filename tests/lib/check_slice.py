"""check_slice.py SAMMED2D DIR - what `slice` writes, worked out anew: pixels with numpy, components with scipy, and the
data set read as the published DataLoader reads it. Prints TAP; shares no code with sammed2d."""
import hashlib
import json
import os
import shutil
import subprocess
import sys

import nibabel
import numpy as np
from scipy import ndimage

from judge import done, ok, png_pixels

program, work = sys.argv[1:3]
rng = np.random.default_rng(4)
SHARED = "../shared/data"


def run(*arguments, cwd=None):
    return subprocess.run([os.path.abspath(program), "slice", *arguments], capture_output=True, text=True, cwd=cwd)


def summary(*arguments):
    done_run = run(*arguments, "--json")
    return json.loads(done_run.stdout) if done_run.returncode in (0, 3) else {"error": done_run.stderr}


def pixels(path):
    return png_pixels(path)[:, :, 0]


def minmax(values):
    """What SA-Med2D did: floor(255 (v - min) / (max - min + eps)) of each slice by itself."""
    values = values.astype(float)
    low, high = values.min(), values.max()
    return np.floor(255 * (values - low) / (high - low + 1e-8 * max(1, high - low))).astype(np.uint8)


def turned_to(array, affine, order):
    """The array with its axes along the letters of `order`, as nibabel's orientation functions turn it."""
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(order))
    return nibabel.orientations.apply_orientation(array, turn)


# One volume with odd axes, noise and blobs that overlap the edge, touch at corners and fall apart.
DIM = (40, 31, 27)
CODES = ("P", "S", "R")     # voxel axes: i to P, j to S, k to R
AFFINE = np.array([[0, 0, 1.5, -20], [-1.2, 0, 0, 30], [0, 2.5, 0, -11], [0, 0, 0, 1.0]])
image = rng.normal(100, 40, DIM).astype(np.float32)
label = np.zeros(DIM, np.int16)
label[5:14, 4:22, 3:20] = 1
label[14:17, 22:25, 3:20] = 1      # touches the other at an edge only
label[30:38, 2:9, 5:25] = 1
label[20:28, 10:20, 6:9] = 3
label[20:28, 10:20, 12:15] = 3
label[0, 0, 0] = 3                 # one pixel: too small
label[20:24, 22:30, :] = 7
nibabel.save(nibabel.Nifti1Image(image, AFFINE), f"{work}/vol.nii.gz")
nibabel.save(nibabel.Nifti1Image(label, AFFINE), f"{work}/lab.nii.gz")
json.dump({"labels": {"1": "Kidney, left", "3": "../evil", "7": "x"}}, open(f"{work}/lab.json", "w"))

# Where rows and columns of the picture go, and the voxel axis it is sliced along.
PLANES = {"axial": ("P", "L", 1), "coronal": ("I", "L", 0), "sagittal": ("I", "P", 2)}


def pictures_of(array, plane):
    """(slice, row, column), slices in the stored order of the file."""
    rows, columns, stored = PLANES[plane]
    return turned_to(array, AFFINE, (CODES[stored], rows, columns))


def plain_pictures():
    for plane in PLANES:
        out = f"{work}/plain_{plane}"
        ran = run(f"{work}/vol.nii.gz", "-o", out, "--plane", plane)
        expected = pictures_of(image, plane)
        good = all(np.array_equal(pixels(f"{out}/vol_{s}.png"), minmax(expected[s])) for s in range(len(expected)))
        there = sorted(f for f in os.listdir(out) if f.endswith(".png"))
        ok(ran.returncode == 0 and good and len(there) == len(expected), f"{plane}: every pixel of every slice")
    out = f"{work}/windowed"
    run(f"{work}/vol.nii.gz", "-o", out, "--plane", "axial", "--window", "90,120", "--slices", "4-12/3")
    expected = np.clip((pictures_of(image, "axial") - 30) / 120, 0, 1) * 255
    there = sorted(os.listdir(out))
    ok([f for f in there if f[0] != "."] == ["vol_10.png", "vol_4.png", "vol_7.png"], "--slices 4-12/3")
    ok(all(np.abs(pixels(f"{out}/vol_{s}.png") - expected[s]).max() <= 0.5001 for s in (4, 7, 10)), "--window 90,120")
    for words in (["--slices", "5-"], ["--slices", "/2"], ["--slices", "3"]):
        count = summary(f"{work}/vol.nii.gz", "-o", out + words[1].replace("/", "s"), "--plane", "axial", *words)["images"]
        ok(count == {"5-": DIM[1] - 5, "/2": (DIM[1] + 1) // 2, "3": 1}[words[1]], f"{words} is {count} slices")


NAMES = {1: "Kidney_left", 3: "evil", 7: "x"}


def expected_masks(plane, name, least=0.00153, aspect=0.5):
    """{image name: {mask name: mask}}"""
    found = {}
    for s, picture in enumerate(pictures_of(label, plane)):
        if min(picture.shape) < aspect * max(picture.shape):
            continue
        masks = {}
        for value, text in NAMES.items():
            parts, count = ndimage.label(picture == value, np.ones((3, 3)))
            kept = [parts == n for n in range(1, count + 1) if (parts == n).sum() >= least * picture.size]
            kept.sort(key=lambda part: int(np.flatnonzero(part)[0]))
            masks.update({f"{name}_{s}_{text}_{n:03d}.png": part for n, part in enumerate(kept)})
        if masks:
            found[f"{name}_{s}.png"] = masks
    return found


def same_masks(out, expected):
    masks = {m: mask for image_masks in expected.values() for m, mask in image_masks.items()}
    if sorted(os.listdir(f"{out}/images")) != sorted(expected) or sorted(os.listdir(f"{out}/masks")) != sorted(masks):
        print("#", set(os.listdir(f"{out}/masks")) ^ set(masks))
        return False
    return all(np.array_equal(pixels(f"{out}/masks/{m}"), mask * np.uint8(255)) for m, mask in masks.items())


def read_as_dataloader(folder, cwd):
    """DataLoader.py of OpenGVLab/SAM-Med2D, without torch: paths from the JSON as they are, masks 0/1 or 0/255."""
    def open_path(path):
        return png_pixels(os.path.join(cwd, path))
    test = json.load(open(os.path.join(cwd, folder, "label2image_test.json")))
    train = json.load(open(os.path.join(cwd, folder, "image2label_train.json")))
    for mask_path, image_path in test.items():
        mask, picture = open_path(mask_path)[:, :, 0], open_path(image_path)
        mask = mask / 255 if mask.max() == 255 else mask
        assert np.array_equal(mask, mask.astype(bool)) and mask.any() and mask.shape == picture.shape[:2]
        assert mask_path.split("/")[-1].startswith(image_path.split("/")[-1][:-4] + "_")
    for image_path, masks in train.items():
        assert masks and all(open_path(m).shape[:2] == open_path(image_path).shape[:2] for m in masks)
    return train, test


def labelled():
    out = f"{work}/axial"
    told = summary(f"{work}/vol.nii.gz", "--labels", f"{work}/lab.nii.gz", "-o", out, "--plane", "axial")
    expected = expected_masks("axial", "vol")
    ok(same_masks(out, expected), "axial masks: components, names and pixels are scipy's")
    ok(told["images"] == len(expected) and told["masks"] == sum(map(len, expected.values())) and told["left_out"]["small_masks"] > 0,
       "the summary counts them")
    run(f"{work}/vol.nii.gz", "--labels", f"{work}/lab.nii.gz", "-o", f"{work}/all", "--plane", "all", "--min-mask", "0", "--threads", "1")
    everything = {}
    for plane in PLANES:
        everything.update(expected_masks(plane, f"vol_{plane}", least=0))
    ok(same_masks(f"{work}/all", everything), "--plane all, --min-mask 0")
    refused = run(f"{work}/vol.nii.gz", "--labels", f"{work}/lab.nii.gz", "-o", f"{work}/oblong", "--plane", "axial", "--min-aspect", "0.9")
    ok(refused.returncode == 2 and "too oblong" in refused.stderr, "--min-aspect leaves nothing, and says so")
    for source in ([f"{work}/vol.nii.gz"], ["--synthetic", "2"]):
        refused = run(*source, "-o", f"{work}/no_volume", "--volume", "-1")
        wanted = "belongs to an INPUT" if "--synthetic" in source else "counts from 0"
        ok(refused.returncode == 1 and f"--volume {wanted}" in refused.stderr, f"--volume -1 is refused: it {wanted}")
    os.makedirs(f"{work}/here")
    run(f"{work}/vol.nii.gz", "--labels", f"{work}/lab.nii.gz", "-o", "data_demo/", "--plane", "axial", cwd=f"{work}/here")
    train, test = read_as_dataloader("data_demo", f"{work}/here")
    ok(all(k.startswith("data_demo/images/") for k in train) and len(train) == len(expected)
       and len(test) == sum(map(len, expected.values())), "read as the published DataLoader does, from where it was made")
    flipped = nibabel.Nifti1Image(label[::-1, :, ::-1], AFFINE @ np.array(
        [[-1, 0, 0, DIM[0] - 1], [0, 1, 0, 0], [0, 0, -1, DIM[2] - 1], [0, 0, 0, 1.0]]))
    nibabel.save(flipped, f"{work}/flip.nii.gz")
    shutil.copy(f"{work}/lab.json", f"{work}/flip.json")
    run(f"{work}/vol.nii.gz", "--labels", f"{work}/flip.nii.gz", "-o", f"{work}/flipped", "--plane", "axial")
    ok(same_masks(f"{work}/flipped", expected), "labels stored in another order are turned")
    nibabel.save(nibabel.Nifti1Image(label, AFFINE + np.outer([0.7, 0, 0, 0], [0, 0, 0, 1])), f"{work}/moved.nii.gz")
    moved = run(f"{work}/vol.nii.gz", "--labels", f"{work}/moved.nii.gz", "-o", f"{work}/no", "--plane", "axial")
    ok(moved.returncode == 1 and "another grid" in moved.stderr and not os.path.exists(f"{work}/no"), "labels on another grid are refused")


def digests(folder):
    return {os.path.join(base, f)[len(folder):]: hashlib.sha256(open(os.path.join(base, f), "rb").read()).hexdigest()
            for base, _, files in os.walk(folder) for f in files if not f.startswith(".")}


def again():
    out, command = f"{work}/axial", [f"{work}/vol.nii.gz", "--labels", f"{work}/lab.nii.gz", "-o", f"{work}/axial", "--plane", "axial"]
    before = digests(out)
    victims = [f"{out}/image2label_train.json"] + [f"{out}/masks/{m}" for m in sorted(os.listdir(f"{out}/masks"))[::3]]
    kept = f"{out}/masks/{sorted(os.listdir(f'{out}/masks'))[1]}"
    stamp = os.stat(kept).st_mtime_ns
    for victim in victims:
        os.remove(victim)
    told = summary(*command, "--threads", "1")
    ok(digests(out) == before, "an interrupted run goes on, to the same bytes")
    ok(told["kept"] == len(before) - 2 - (len(victims) - 1) and os.stat(kept).st_mtime_ns == stamp, "and what was there is kept")
    for words in (["--window", "lung"], ["--min-mask", "0.2"], ["--orient", "sa-med2d"], ["--slices", "2-9"]):
        other = run(*command, *words)
        ok(other.returncode == 1 and "made with another" in other.stderr and digests(out) == before, f"{words} is noticed")
    os.utime(f"{work}/vol.nii.gz", (1, 1))
    other = run(*command)
    ok(other.returncode == 1 and "other inputs" in other.stderr, "another input is noticed")
    os.makedirs(f"{work}/foreign/images")
    shutil.copy(kept, f"{work}/foreign/images/mine.png")
    other = run(*command[:4], f"{work}/foreign")
    ok(other.returncode == 1 and "not made by this command" in other.stderr, "pictures of others are left alone")


def data_set():
    """An MSD data set with a pair, a case that cannot be read, and a split; then its output sliced once more."""
    root = f"{work}/Task99"
    os.makedirs(f"{root}/imagesTr")
    os.makedirs(f"{root}/labelsTr")
    cases = []
    for n in range(1, 8):
        nibabel.save(nibabel.Nifti1Image(rng.normal(0, 1, (20, 16, 5)).astype(np.float32), np.diag([1, 1, 3, 1.0])), f"{root}/imagesTr/h_{n:03d}.nii.gz")
        mask = np.zeros((20, 16, 5), np.uint8)
        mask[3:9, 4:9, 1:4] = 1 + n % 2
        nibabel.save(nibabel.Nifti1Image(mask, np.diag([1, 1, 3, 1.0])), f"{root}/labelsTr/h_{n:03d}.nii.gz")
        cases.append({"image": f"./imagesTr/h_{n:03d}.nii.gz", "label": f"./labelsTr/h_{n:03d}.nii.gz"})
    open(f"{root}/imagesTr/h_007.nii.gz", "wb").write(b"\x1f\x8bnothing")
    json.dump({"labels": {"0": "background", "1": "ant", "2": "post"}, "training": cases, "modality": {"0": "MRI"}},
              open(f"{root}/dataset.json", "w"))
    out = f"{work}/split"
    told = summary("--data", root, "-o", out, "--subjects", "pairs", "--hold-out", "2")
    ok(told["cases"] == 6 and [f["case"] for f in told["failed"]] == ["h_007"], "a case that cannot be read is left out, and said")
    train, test = read_as_dataloader(out, ".")
    numbers = lambda paths: sorted({int(os.path.basename(p).split("_")[1]) for p in paths})
    ok(numbers(train) == [3, 4] and numbers(test) == [1, 2, 5, 6], "every second pair is held out: subjects 1 and 3 of 1 to 4")
    ok(all("_ant_" in m if int(os.path.basename(m).split("_")[1]) % 2 == 0 else "_post_" in m for m in test), "labels have their names")
    images = {p: pixels(p) for p in train}
    like = nibabel.load(f"{root}/imagesTr/h_003.nii.gz").get_fdata()
    ok(np.array_equal(images[f"{out}/images/h_003_2.png"], minmax(like[::-1, ::-1, 2].T)), "pictures are those of the case")
    ok(sorted(os.path.basename(p) for p in train) == [f"h_{n:03d}_{k}.png" for n in (3, 4) for k in (1, 2, 3)], "slices without a mask are left out")
    moved = f"{work}/elsewhere/set"
    shutil.copytree(out, moved)
    twice = summary("--data", moved, "-o", f"{work}/twice", "--threads", "3")
    ok(twice["images"] == told["images"] and twice["masks"] == told["masks"] and not twice["failed"], "its own output is a data set, elsewhere too")
    ok({d for p, d in digests(f"{work}/twice/masks").items()} == {d for p, d in digests(f"{out}/masks").items()}, "of the same masks")


def published():
    """SAM-Med2D's own demo slices: sliced once more, they are themselves."""
    demo = f"{SHARED}/labelled/sam_med2d_demo_png"
    if not os.path.isdir(demo):
        return ok(True, "published slices # SKIP ../shared is not there")
    told = summary("--data", demo, "-o", f"{work}/demo")
    read_as_dataloader("demo", work)
    good = told["images"] == 4 and told["masks"] == 30 and told["left_out"]["small_masks"] == 0
    for mask in os.listdir(f"{demo}/masks"):
        stem = "_".join(mask.split("_")[:2 if mask[0] == "s" else 3])
        good &= np.array_equal(pixels(f"{demo}/masks/{mask}") > 0, pixels(f"{work}/demo/masks/{stem}_0{mask[len(stem):]}") > 0)
    return ok(good, "every published mask is one component, over the threshold, and keeps its number")


def dicom():
    """No name of a patient, a folder or a file gets out."""
    source = f"{SHARED}/seg/dcmqi_ct3slice"
    if not os.path.isdir(source):
        return ok(True, "DICOM with SEG # SKIP ../shared is not there")
    shutil.copytree(source, f"{work}/DOE_JOHN", ignore=shutil.ignore_patterns("*.nrrd"))
    told = summary("--data", f"{work}/DOE_JOHN", "-o", f"{work}/from_dicom")
    files = [f for _, _, names in os.walk(f"{work}/from_dicom") for f in names if f.endswith(".png")]
    ok(told.get("masks", 0) > 0 and all(f.startswith("dicom_") and "DOE" not in f for f in files),
       "DICOM with SEG: names are a digest")
    alone = run(f"{work}/DOE_JOHN", "-o", f"{work}/dicom_plain")
    return ok(alone.returncode != 0 or all(f.startswith(("dicom_", ".")) for f in os.listdir(f"{work}/dicom_plain")),
              "and so without labels")


plain_pictures()
labelled()
again()
data_set()
published()
dicom()
done()
