#!/usr/bin/python3
"""Second opinion on what sammed2d makes of DICOM masks, from pydicom's headers and own decoders.

    dump_masks MASK VOLUME OUT.raw > JSON;  seg_witness.py MASK JSON OUT.raw [LABELS.nrrd VALUE NUMBER]...

Every voxel of every mask is looked up in the SEG (its bits unpacked here, frame by frame, each frame at
its own position) or tested against the contours of a structure set. With label maps in NRRD, mask NUMBER
must also be where LABELS.nrrd has VALUE, compared in space. Prints "N masks, V voxels" and what
disagrees; exit status 1 when anything does.
"""
import gzip
import json
import re
import sys

import numpy as np
import pydicom

RLE, DEFLATED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99"


def unpack_rle(data, size):
    """One byte plane of PS3.5 annex G."""
    out, at = bytearray(), int.from_bytes(data[4:8], "little")
    while len(out) < size:
        n = data[at]
        if n < 128:
            out += data[at + 1:at + 2 + n]
            at += 2 + n
        else:
            out += data[at + 1:at + 2] * (257 - n if n > 128 else 0)
            at += 2 if n > 128 else 1
    return bytes(out[:size])


def decode(d):
    """(frames, rows, columns) of stored values, without any pixel plug-in for one bit a pixel."""
    n, rows, columns = int(d.get("NumberOfFrames", 1)), int(d.Rows), int(d.Columns)
    ts = str(d.file_meta.TransferSyntaxUID)
    if int(d.BitsAllocated) == 8 and not d.is_little_endian and d["PixelData"].VR == "OW":
        raw = np.frombuffer(d.PixelData, np.uint8).reshape(-1, 2)[:, ::-1].reshape(-1)
        return raw[:n * rows * columns].reshape(n, rows, columns)
    if int(d.BitsAllocated) > 1:
        return d.pixel_array.reshape(n, rows, columns)
    size = rows * columns
    if ts == RLE:
        fragments = pydicom.encaps.generate_pixel_data_frame(d.PixelData, n)
        planes = [np.frombuffer(unpack_rle(f, (size + 7) // 8), np.uint8) for f in fragments]
        return np.stack([np.unpackbits(p, bitorder="little")[:size].reshape(rows, columns) for p in planes])
    raw = np.frombuffer(d.PixelData, np.uint8)
    if not d.is_little_endian and d["PixelData"].VR == "OW":
        raw = raw.reshape(-1, 2)[:, ::-1].reshape(-1)
    return np.unpackbits(raw, bitorder="little")[:n * size].reshape(n, rows, columns)


def frames_of(d):
    """[(segment or None, origin, row, column, row spacing, column spacing, pixels)]"""
    shared = d.get("SharedFunctionalGroupsSequence", [None])[0]
    pixels = decode(d)
    out = []
    for f, per in enumerate(d.PerFrameFunctionalGroupsSequence[:len(pixels)]):
        def macro(name):
            return (per if name in per else shared)[name].value[0]
        iop = [float(v) for v in macro("PlaneOrientationSequence").ImageOrientationPatient]
        spacing = [float(v) for v in macro("PixelMeasuresSequence").PixelSpacing]
        between = float(macro("PixelMeasuresSequence").get("SpacingBetweenSlices", 0) or 0)
        segment = None
        if d.SegmentationType != "LABELMAP":
            segment = int(macro("SegmentIdentificationSequence").ReferencedSegmentNumber)
        out.append((segment, np.array(macro("PlanePositionSequence").ImagePositionPatient, float),
                    np.array(iop[:3]), np.array(iop[3:]), spacing[0], spacing[1], pixels[f], between))
    return out


def inside_value(d, values):
    if d.SegmentationType == "FRACTIONAL":
        return 2 * values.astype(int) >= int(d.MaximumFractionalValue)
    return values > 0


def places(info):
    """LPS of every voxel, (nz, ny, nx, 3): the slices' own origins."""
    nx, ny, nz = info["dim"]
    a = np.array(info["affine_lps"])
    k, j, i = np.meshgrid(range(nz), range(ny), range(nx), indexing="ij")
    return np.array(info["origins"])[k] + i[..., None] * a[:3, 0] + j[..., None] * a[:3, 1]


def from_seg(d, number, info, where):
    """Nearest pixel of any frame of the segment whose plate holds the voxel."""
    out = np.zeros(where.shape[:3], bool)
    steps = np.diff(np.array(info["origins"]), axis=0)
    for segment, origin, row, column, dy, dx, pixels, between in frames_of(d):
        if segment not in (None, number):
            continue
        normal = np.cross(row, column)
        own = np.median(np.abs(steps @ normal)) if len(steps) else 0
        half = (between or own or 1) / 2
        p = where - origin
        u, v, w = p @ row / dx + 1e-4, p @ column / dy + 1e-4, p @ normal + 2e-4 * half
        u, v = np.floor(u + 0.5).astype(int), np.floor(v + 0.5).astype(int)
        hit = (w >= -half) & (w < half) & (u >= 0) & (v >= 0) & (u < pixels.shape[1]) & (v < pixels.shape[0])
        value = pixels[v[hit], u[hit]]
        out[hit] |= value == number if segment is None else inside_value(d, value)
    return out


def odd_inside(corners, x, y):
    """Even-odd rule for points (x, y): a ray towards +x."""
    odd = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0)):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return odd


def contours_of(d, number):
    rois = {int(r.ReferencedROINumber): r for r in d.ROIContourSequence}
    if 0 in rois:  # counted in the order of the file
        number = int(d.StructureSetROISequence[number - 1].ROINumber)
    return [np.array(c.ContourData, float).reshape(-1, 3) for c in rois[number].ContourSequence
            if str(c.ContourGeometricType) in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")]


def from_plates(drawn, where):
    """Contours across the slices: prisms that reach halfway to each other."""
    out = np.zeros(where.shape[:3], bool)
    normal = np.cross(drawn[0][1] - drawn[0][0], drawn[0][2] - drawn[0][0])
    normal /= np.linalg.norm(normal)
    across = drawn[0][1] - drawn[0][0]
    across /= np.linalg.norm(across)
    basis = np.stack([across, np.cross(normal, across)], 1)
    depths = np.unique(np.round([c[0] @ normal for c in drawn], 3))
    half = np.diff(depths).min() / 2
    for c in drawn:
        p = (where - c[0]) @ basis
        near = np.abs((where - c[0]) @ normal) < half
        out |= near & odd_inside((c - c[0]) @ basis, p[..., 0], p[..., 1])
    return out


def from_contours(d, number, info, where):
    """Contours along the slices, flattened onto the nearest."""
    out = np.zeros(where.shape[:3], bool)
    a = np.array(info["affine_lps"])
    normal = np.cross(a[:3, 0], a[:3, 1])
    normal /= np.linalg.norm(normal)
    axes = np.linalg.pinv(a[:3, :2])
    drawn = contours_of(d, number)
    if np.ptp(drawn[0] @ normal) > 0.1:
        return from_plates(drawn, where)
    depths = np.array(info["origins"]) @ normal
    step = abs(np.median(np.diff(depths))) if len(depths) > 1 else abs(a[:3, 2] @ normal)
    j, i = np.mgrid[:where.shape[1], :where.shape[2]]
    best = np.full(len(depths), np.inf)
    for c in sorted(drawn, key=lambda c: float(c.mean(0) @ normal)):
        k = int(np.argmin(np.abs(depths - c.mean(0) @ normal)))
        off = round(abs(float(depths[k] - c.mean(0) @ normal)), 3)
        if off > step * 0.5001 or off > best[k]:
            continue
        if off < best[k]:
            out[k] = False
        best[k] = off
        out[k] ^= odd_inside((c - np.array(info["origins"][k])) @ axes.T, i, j)
    return out


def nrrd(path):
    with open(path, "rb") as file:
        head, body = file.read().split(b"\n\n", 1)
    field = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:] if ": " in line)
    kind = {"short": "i2", "unsigned char": "u1", "uchar": "u1", "int": "i4"}[field["type"]]
    data = np.frombuffer(gzip.decompress(body) if "gz" in field["encoding"] else body,
                         ("<" if field.get("endian", "little") == "little" else ">") + kind)
    numbers = [float(v) for v in re.findall(r"[-+.\deE]+", field["space directions"].replace("none", ""))]
    origin = [float(v) for v in re.findall(r"[-+.\deE]+", field["space origin"])]
    sizes = [int(v) for v in field["sizes"].split()]
    return data.reshape(sizes[::-1]), np.array(numbers).reshape(3, 3).T, np.array(origin)


def from_nrrd(path, value, where):
    data, directions, origin = nrrd(path)
    at = np.round((where - origin) @ np.linalg.inv(directions).T).astype(int)
    good = ((at >= 0) & (at < np.array(data.shape[::-1]))).all(-1)
    out = np.zeros(where.shape[:3], bool)
    i, j, k = at[good].T
    out[good] = data[k, j, i] == value
    return out, int((data == value).sum())


def main(path, json_path, raw_path, *maps):
    d = pydicom.dcmread(path, force=True)
    with open(json_path) as file:
        info = json.load(file)
    nx, ny, nz = info["dim"]
    masks = np.fromfile(raw_path, np.uint8).reshape(-1, nz, ny, nx)
    where, bad = places(info), 0
    numbers = [m["number"] for m in info["masks"]]
    look = from_contours if "ROIContourSequence" in d else from_seg
    for number, mask in zip(numbers, masks):
        differs = int((look(d, number, info, where) != (mask != 0)).sum())
        if differs:
            print(f"mask {number}: {differs} of {int(mask.sum())} voxels differ from pydicom's")
            bad += 1
    for file, value, number in zip(maps[::3], maps[1::3], maps[2::3]):
        wanted, count = from_nrrd(file, int(value), where)
        mask = masks[numbers.index(int(number))] != 0
        if (wanted != mask).any() or mask.sum() != count:
            print(f"mask {number}: {int((wanted != mask).sum())} voxels differ from {file} ({count})")
            bad += 1
    print(f"{len(masks)} masks, {int(masks.sum())} voxels")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
