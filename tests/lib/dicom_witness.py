#!/usr/bin/python3
"""Second opinion on what dicom_volumes read, from pydicom alone.

    dicom_volumes -o DIR PATH > LIST;  dicom_witness.py LIST DIR [EXPECTED.json]

Prints one line a volume and one a file left out: what was found, and whether pydicom agrees with
the voxels (every one), the positions, the spacing and the rescale. Mosaics are checked against the
affine that EXPECTED.json holds from another program. Exit status 1 when anything disagrees.
"""
import json
import os
import sys

import numpy as np
import pydicom

POSITION_MM = 1e-3   # affine against positions, where no slice is off the even grid
EVEN = 0.1           # of a step: positions rounded by the scanner


def stored(d, pixels):
    """The stored bits of each word, and what a modality LUT makes of them."""
    bits, allocated = d.get("BitsStored", 0), d.get("BitsAllocated", 0)
    if pixels.dtype.kind in "iu" and bits < allocated:
        if any(d.get((group, 0x0102), None) for group in range(0x6000, 0x6020, 2)):
            pixels = pixels & (2 ** bits - 1)
        if d.PixelRepresentation and pixels.min() >= 0 and pixels.max() < 2 ** bits:
            pixels = np.where(pixels >= 2 ** (bits - 1), pixels - 2 ** bits, pixels).astype(pixels.dtype)
    if "ModalityLUTSequence" in d:
        pixels = pydicom.pixel_data_handlers.util.apply_modality_lut(pixels, d)
    return pixels


def frames_of(path):
    """[(pixels, ipp, iop, spacing, (slope, intercept))] of one file, in stored order."""
    d = pydicom.dcmread(path, force=True)
    if not getattr(d, "file_meta", None) or "TransferSyntaxUID" not in d.file_meta:
        if not getattr(d, "file_meta", None):
            d.file_meta = pydicom.dataset.FileMetaDataset()
        d.file_meta.TransferSyntaxUID = (
            pydicom.uid.ImplicitVRLittleEndian if d.is_implicit_VR else
            pydicom.uid.ExplicitVRLittleEndian if d.is_little_endian else pydicom.uid.ExplicitVRBigEndian)
    pixels = stored(d, d.pixel_array)
    count = int(d.get("NumberOfFrames", 1) or 1)
    pixels = pixels.reshape((count,) + pixels.shape[-2:])
    shared = d.get("SharedFunctionalGroupsSequence", [None])[0]
    out = []
    for f in range(count):
        per = d.PerFrameFunctionalGroupsSequence[f] if "PerFrameFunctionalGroupsSequence" in d else None

        def look(macro, name):
            for item in (per, shared):
                if item is not None and macro in item:
                    return item[macro].value[0].get(name)
            return d.get(name)
        slope = look("PixelValueTransformationSequence", "RescaleSlope")
        intercept = look("PixelValueTransformationSequence", "RescaleIntercept")
        slope = 1.0 if slope in (None, "") or float(slope) == 0 else float(slope)
        intercept = 0.0 if intercept in (None, "") else float(intercept)
        out.append((pixels[f], look("PlanePositionSequence", "ImagePositionPatient"),
                    look("PlaneOrientationSequence", "ImageOrientationPatient"),
                    look("PixelMeasuresSequence", "PixelSpacing"), (slope, intercept), d))
    return out


def tiles_of(frame, count):
    d, pixels = frame[5], frame[0]
    across = int(np.ceil(np.sqrt(count)))
    siemens = "MOSAIC" in list(d.get("ImageType", []))
    down = across if siemens else -(-count // across)
    h, w = pixels.shape[0] // down, pixels.shape[1] // across
    return [pixels[t // across * h:t // across * h + h, t % across * w:t % across * w + w]
            for t in range(count)]


def check_affine(volume, frames, problems):
    a = np.array(volume["affine"]).reshape(4, 4)
    iop = np.array([float(x) for x in frames[0][2]])
    row, col = iop[:3] / np.linalg.norm(iop[:3]), iop[3:] / np.linalg.norm(iop[3:])
    spacing = [float(x) for x in frames[0][3]]
    if not np.allclose(a[:3, 0], row * spacing[1], atol=1e-5) or \
            not np.allclose(a[:3, 1], col * spacing[0], atol=1e-5):
        problems.append("in-plane axes")
    ipps = np.array([[float(x) for x in f[1]] for f in frames])
    if np.abs(a[:3, 3] - ipps[0]).max() > POSITION_MM:
        problems.append("origin")
    step = np.linalg.norm(a[:3, 2])
    along = ipps @ np.cross(row, col)
    if len(frames) > 1 and np.diff(along).min() <= 0:
        problems.append("slices not in order along the normal")
    gaps = {g[0]: g[1] for g in volume["gaps"]}
    for k in range(len(frames) - 1):
        if k in gaps:
            if abs(np.diff(along)[k] - gaps[k]) > POSITION_MM:
                problems.append(f"gap after {k}")
        elif gaps and abs(np.diff(along)[k] - np.cross(row, col) @ a[:3, 2]) > 0.021 * step:
            problems.append(f"unnamed gap after {k}")
    if not gaps:
        off = np.abs(a[:3, 3] + np.arange(len(frames))[:, None] * a[:3, 2] - ipps).max()
        if off > EVEN * step:
            problems.append(f"positions are off by {off:.3f} mm")


def check_mosaic(volume, expected, problems):
    a = np.array(volume["affine"]).reshape(4, 4)
    ras = np.diag([-1, -1, 1, 1]) @ a
    flipped = ras.copy()        # the other program turns rows over
    flipped[:3, 1] *= -1
    flipped[:3, 3] += ras[:3, 1] * (volume["dim"][1] - 1)
    others = [np.array(o["affine_ras"]) for o in expected["dcm2niix"]["outputs"]]
    if not any(np.abs(flipped - o).max() < 5e-3 for o in others):
        problems.append("affine of the mosaic")


def check_rescale(volume, k, frame, problems):
    slope, intercept = frame[4]
    d = frame[5]
    if d.get("PhotometricInterpretation") == "MONOCHROME1":
        intercept = slope * (2 ** int(d.BitsStored) - 1) + 2 * intercept - intercept
        slope = -slope
    if not np.allclose(volume["rescale"][k], [slope, intercept], rtol=1e-12, atol=1e-12):
        problems.append(f"rescale of slice {k}")


def check(volume, folder, expected):
    problems = []
    frames = [f for entry in volume["file_list"] for f in frames_of(entry["file"])]
    nx, ny, nz = volume["dim"]
    voxels = np.fromfile(os.path.join(folder, f"{volume['number']}.raw"), volume["type"]).reshape(nz, ny, nx)
    mosaic = len(frames) == 1 and frames[0][0].shape != (ny, nx)
    if mosaic:
        pictures = tiles_of(frames[0], nz)
        check_mosaic(volume, expected, problems)
        frames = frames * nz
    else:
        if len(frames) != nz:
            return ["number of slices"]
        if frames[0][1] and frames[0][2]:
            normal = np.cross(*np.array([float(x) for x in frames[0][2]]).reshape(2, 3))
            frames.sort(key=lambda f: float(np.dot(normal, [float(x) for x in f[1]])))
            if frames[0][3]:
                check_affine(volume, frames, problems)
        pictures = [f[0] for f in frames]
    said = "".join(c for c in str(frames[0][5].get("SeriesDescription", "")) if c >= " ").strip()
    said = said.replace("$)A", "")      # pydicom 2.3 shows the escape of ISO 2022 IR 58
    if volume["description"] != said:
        problems.append(f"description {volume['description']!r}, not {said!r}")
    for k in range(nz):
        check_rescale(volume, k, frames[k], problems)
        if pictures[k].shape != (ny, nx) or not np.array_equal(pictures[k], voxels[k]):
            problems.append(f"voxels of slice {k}")
    return problems


def main():
    lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    expected = json.load(open(sys.argv[3])) if len(sys.argv) > 3 else None
    root = os.environ.get("WITNESS_ROOT", "")
    bad = 0
    dangling = {}   # reason: how many; a DICOMDIR may list hundreds
    for entry in lines:
        if "left_out" in entry and entry["reason"].endswith("but not there"):
            dangling[entry["reason"]] = dangling.get(entry["reason"], 0) + 1
            continue
        if "left_out" in entry:
            print("-", entry["file"].replace(root, ""), "|", entry["reason"].replace(root, ""))
            continue
        what = "x".join(map(str, entry["dim"])) + " " + entry["type"]
        tail = "".join([f" tilt={entry['tilt']:.3g}" if entry["tilt"] else "",
                        f" gaps={len(entry['gaps'])}" if entry["gaps"] else "",
                        f" | {entry['reason']}" if entry["reason"] else ""])
        if not entry["readable"]:
            print("refused", what + tail)
            continue
        if "error" in entry:
            print("failed", what + tail, "|", entry["error"].replace(root, ""))
            continue
        try:
            problems = check(entry, sys.argv[2], expected)
        except AttributeError as e:     # pydicom's way to say that it cannot decode
            print("read", what + tail + " | pydicom cannot: " + str(e))
            continue
        bad += bool(problems)
        print("read", what + tail + (" | DISAGREES: " + ", ".join(problems[:5]) if problems else ""))
    for reason, count in dangling.items():
        print("-", count, "files |", reason.replace(root, ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
