#!/usr/bin/python3
"""Makes small SEG and RT structure sets on made series for tests: make_masks.py [--names] DIR.

Each folder holds a series (or several); beside it lie the masks. The numbers in them are drawn from one
seed, so that they are the same every time.
"""
import os
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

EXPLICIT, BIG, DEFLATED, RLE = ("1.2.840.10008.1.2." + x for x in ("1", "2", "1.99", "5"))
CT, SEG, LABELMAP, RT = ("1.2.840.10008.5.1.4.1.1." + x for x in ("2", "66.4", "66.7", "481.3"))
FRAME = "1.9.1"


def start(cls, uid, ts=EXPLICIT):
    d, m = Dataset(), FileMetaDataset()
    m.TransferSyntaxUID, m.MediaStorageSOPClassUID, m.MediaStorageSOPInstanceUID = ts, cls, uid
    d.SOPClassUID, d.SOPInstanceUID = cls, uid
    d.file_meta, d.preamble = m, b"\0" * 128
    d.is_little_endian, d.is_implicit_VR = ts != BIG, False
    d.StudyInstanceUID, d.FrameOfReferenceUID = "1.9", FRAME
    d.SpecificCharacterSet = "ISO_IR 192"
    return d


def save(d, *path):
    path = os.path.join(*path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    d.save_as(path, write_like_original=False)


class Grid:
    """Rows x columns x slices; `axes` takes (column, row, slice) to LPS mm."""
    def __init__(self, shape, axes, origin, skip=()):
        self.nx, self.ny, self.nz = shape
        self.axes, self.origin = np.array(axes, float), np.array(origin, float)
        self.slices = [k for k in range(self.nz + len(skip)) if k not in skip]

    def position(self, n):
        return self.origin + self.axes[:, 2] * self.slices[n]

    def spacing(self):
        return [float(np.linalg.norm(self.axes[:, c])) for c in (1, 0)]

    def directions(self):
        return [float(v) for c in (0, 1) for v in self.axes[:, c] / np.linalg.norm(self.axes[:, c])]

    def step(self):
        normal = np.cross(self.axes[:, 0], self.axes[:, 1])
        return abs(float(self.axes[:, 2] @ normal / np.linalg.norm(normal)))


def texts(values):
    return ["%.10g" % v for v in values]


def series(grid, uid, *path):
    for n in range(grid.nz):
        d = start(CT, f"{uid}.{n + 1}")
        d.Modality, d.SeriesInstanceUID, d.SeriesNumber, d.InstanceNumber = "CT", uid, 1, n + 1
        d.ImagePositionPatient = texts(grid.position(n))
        d.ImageOrientationPatient = texts(grid.directions())
        d.PixelSpacing, d.SliceThickness = texts(grid.spacing()), "%.6g" % grid.step()
        d.Rows, d.Columns, d.SamplesPerPixel = grid.ny, grid.nx, 1
        d.PhotometricInterpretation, d.PixelRepresentation = "MONOCHROME2", 0
        d.BitsAllocated = d.BitsStored = 16
        d.HighBit = 15
        d.PixelData = np.zeros((grid.ny, grid.nx), "<u2").tobytes()
        d["PixelData"].VR = "OW"
        save(d, *path, f"{n:03d}")


def item(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, value)
    return d


def pack_rle(plane):
    """Literal runs only, with one run of equal bytes where the plane begins with one."""
    out, at = bytearray(), 0
    same = next((n for n, b in enumerate(plane) if b != plane[0]), len(plane))
    while same - at >= 2:
        n = min(same - at, 128)
        out += bytes([257 - n, plane[0]])
        at += n
    while at < len(plane):
        n = min(len(plane) - at, 128)
        out += bytes([n - 1]) + plane[at:at + n]
        at += n
    return bytes(out)


def rle_frames(planes_of_frames):
    out = b"\xfe\xff\x00\xe0" + bytes(4)
    for planes in planes_of_frames:
        packed = [pack_rle(p) for p in planes]
        head, at = [len(planes)], 64
        for p in packed:
            head.append(at)
            at += len(p)
        body = np.array(head + [0] * (16 - len(head)), "<u4").tobytes() + b"".join(packed)
        body += b"\0" * (len(body) % 2)
        out += b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body
    return out + b"\xfe\xff\xdd\xe0" + bytes(4)


def put_pixels(d, frames, bits, ts, words):
    frames = np.array(frames)
    if ts == RLE and bits == 1:
        data = rle_frames([[np.packbits(f.reshape(-1), bitorder="little").tobytes()] for f in frames])
    elif ts == RLE:
        kind = ">u2" if bits == 16 else "u1"
        planes = [f.astype(kind).reshape(-1, 1).view("u1").T for f in frames]
        data = rle_frames([[p.tobytes() for p in f] for f in planes])
    elif bits == 1:
        data = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
        data += b"\0" * (len(data) % 2)
        if ts == BIG and words:
            data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
    else:
        data = frames.astype(("u1", "<u2", ">u2")[(bits == 16) * (1 + (ts == BIG))]).tobytes()
        data += b"\0" * (len(data) % 2)
        if ts == BIG and bits == 8 and words:
            data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
    d.PixelData = data
    d["PixelData"].VR = "OW" if words or bits == 16 else "OB"
    d["PixelData"].is_undefined_length = ts == RLE


def seg(planes, labels, path, kind="BINARY", bits=1, ts=EXPLICIT, words=False, between=True, uid="1.9.7",
        own_frame=FRAME, per_frame=False, series_uid="1.9.2"):
    """planes: [(segment number, grid, slice, values)]"""
    cls = LABELMAP if kind == "LABELMAP" else SEG
    d = start(cls, uid, ts)
    grid = planes[0][1]
    d.Modality, d.SeriesInstanceUID, d.SegmentationType = "SEG", uid + ".1", kind
    d.FrameOfReferenceUID = own_frame
    d.Rows, d.Columns, d.SamplesPerPixel, d.NumberOfFrames = grid.ny, grid.nx, 1, len(planes)
    d.PhotometricInterpretation, d.PixelRepresentation = "MONOCHROME2", 0
    d.BitsAllocated, d.BitsStored, d.HighBit = bits, bits, bits - 1
    if kind == "FRACTIONAL":
        d.SegmentationFractionalType, d.MaximumFractionalValue = "PROBABILITY", 200
    d.SegmentSequence = Sequence([item(SegmentNumber=n, SegmentLabel=l) for n, l in labels.items()])
    d.ReferencedSeriesSequence = Sequence([item(SeriesInstanceUID=series_uid)])

    def macros(grid):
        measures = item(PixelSpacing=texts(grid.spacing()), SliceThickness="%.6g" % grid.step())
        if between:
            measures.SpacingBetweenSlices = "%.10g" % grid.step()
        return dict(PixelMeasuresSequence=Sequence([measures]), PlaneOrientationSequence=Sequence(
            [item(ImageOrientationPatient=texts(grid.directions()))]))
    if not per_frame:
        d.SharedFunctionalGroupsSequence = Sequence([item(**macros(grid))])
    groups = []
    for number, of, n, _ in planes:
        group = item(PlanePositionSequence=Sequence([item(ImagePositionPatient=texts(of.position(n)))]),
                     **(macros(of) if per_frame else {}))
        if number is not None:
            group.SegmentIdentificationSequence = Sequence([item(ReferencedSegmentNumber=number)])
        groups.append(group)
    d.PerFrameFunctionalGroupsSequence = Sequence(groups)
    put_pixels(d, [p[3] for p in planes], bits, ts, words)
    save(d, path)


def structure_set(rois, path, own_frame=FRAME):
    """rois: [(number, name, [(type, points)])]"""
    d = start(RT, "1.9.8")
    d.Modality, d.SeriesInstanceUID = "RTSTRUCT", "1.9.8.1"
    d.StructureSetROISequence = Sequence([item(ROINumber=n, ROIName=l, ReferencedFrameOfReferenceUID=own_frame)
                                          for n, l, _ in rois])
    d.ROIContourSequence = Sequence([item(ReferencedROINumber=n, ContourSequence=Sequence(
        [item(ContourGeometricType=t, NumberOfContourPoints=len(p), ContourData=texts(np.ravel(p)))
         for t, p in contours])) for n, _, contours in rois])
    save(d, path)


def blobs(rng, shape):
    """Half noise, half a filled corner: every voxel matters, and no symmetry hides a flip."""
    out = rng.random(shape) < 0.4
    out[: shape[0] // 2, : shape[1] // 3, : shape[2] // 4] = True
    return out.astype(np.uint8)


def volume_planes(number, grid, volume, values=None):
    return [(number, grid, k, volume[k] if values is None else values[k]) for k in range(grid.nz)
            if volume[k].any()]


def permuted(grid, order, flips):
    """The same voxels in another axis order: (grid, function that turns (z, y, x) arrays)."""
    axes, origin = grid.axes[:, list(order)], grid.origin.copy()
    size = [(grid.nx, grid.ny, grid.nz)[a] for a in order]
    for n, flip in enumerate(flips):
        if flip:
            origin = origin + axes[:, n] * (size[n] - 1)
            axes[:, n] *= -1

    def turn(volume):
        turned = np.transpose(volume, [2 - order[2], 2 - order[1], 2 - order[0]])
        return turned[tuple(slice(None, None, -1 if f else 1) for f in flips[::-1])]
    return Grid(size, axes, origin), turn


TURN = np.linalg.qr(np.array([[0.9, 0.2, -0.1], [-0.3, 1, 0.3], [0.2, -0.1, 1.1]]))[0]


def main(out):
    rng = np.random.default_rng(3)
    at = lambda *p: os.path.join(out, *p)
    grid = Grid((11, 9, 6), TURN @ np.diag([0.75, 0.5, 2.5]), (-12.25, 30.5, 7.75))
    series(grid, "1.9.2", at("series"))
    one, two = blobs(rng, (6, 9, 11)), blobs(rng, (6, 9, 11))
    one[3] = 0
    both = volume_planes(1, grid, one) + volume_planes(2, grid, two)
    names = {1: "Leber \u00e4", 2: "lesion"}
    shuffled = [both[n] for n in rng.permutation(len(both))]
    seg(shuffled, names, at("binary.dcm"))
    seg(shuffled, {1: "lesion", 2: "lesion", 7: "never used"}, at("alike.dcm"), between=False)
    seg(shuffled, names, at("big.dcm"), ts=BIG, words=True)
    seg(shuffled, names, at("big_bytes.dcm"), ts=BIG)
    seg(shuffled, names, at("deflated.dcm"), ts=DEFLATED)
    seg(shuffled, names, at("rle.dcm"), ts=RLE)
    seg(shuffled, names, at("per_frame.dcm"), per_frame=True)
    seg(volume_planes(1, grid, one, one * rng.integers(50, 201, one.shape)), {1: "soft"},
        at("fractional.dcm"), "FRACTIONAL", 8)
    seg(volume_planes(1, grid, one, one * rng.integers(50, 201, one.shape)), {1: "soft"},
        at("fractional_rle.dcm"), "FRACTIONAL", 8, RLE)
    seg(volume_planes(1, grid, one, one * rng.integers(50, 201, one.shape)), {1: "soft"},
        at("fractional_big.dcm"), "FRACTIONAL", 8, BIG, True)
    map8 = np.where(two, 2, one)
    every = {0: "Background", 1: "one", 2: "two", 9: "not there"}
    seg(volume_planes(None, grid, map8, map8), every, at("labelmap8.dcm"), "LABELMAP", 8)
    map16 = np.where(two, 700, one).astype(int)
    every = {1: "one", 700: "many"}
    for name, ts in (("labelmap16", EXPLICIT), ("labelmap16_rle", RLE), ("labelmap16_big", BIG)):
        seg(volume_planes(None, grid, map16, map16), every, at(name + ".dcm"), "LABELMAP", 16, ts)
    for n, (order, flips) in enumerate((((0, 1, 2), (1, 0, 0)), ((0, 1, 2), (0, 1, 1)), ((1, 0, 2), (0, 0, 0)),
                                        ((2, 0, 1), (0, 1, 0)), ((1, 2, 0), (1, 0, 1)), ((2, 1, 0), (1, 1, 1)))):
        other, turn = permuted(grid, order, flips)
        seg(volume_planes(1, other, turn(one)) + volume_planes(2, other, turn(two)), names,
            at(f"turned{n}.dcm"))
    cut = Grid((5, 4, 3), grid.axes, grid.origin + grid.axes @ [3, 2, 1])
    seg(volume_planes(1, cut, blobs(rng, (3, 4, 5))), {1: "cut"}, at("cut.dcm"))
    wide = Grid((15, 14, 9), grid.axes, grid.origin - grid.axes @ [2, 3, 2])
    seg(volume_planes(1, wide, blobs(rng, (9, 14, 15))), {1: "wide"}, at("wide.dcm"))
    fine = Grid((40, 30, 24), grid.axes * 0.37, grid.origin - grid.axes @ [0.2, 0.1, 0.4])
    seg(volume_planes(1, fine, blobs(rng, (24, 30, 40))), {1: "fine"}, at("fine.dcm"))
    coarse = Grid((6, 5, 3), grid.axes * 2, grid.origin + grid.axes @ [0.1, 0.2, 0.3])
    thick = Grid((11, 9, 3), grid.axes * [1, 1, 2], grid.origin)
    seg(volume_planes(1, coarse, blobs(rng, (3, 5, 6))), {1: "coarse"}, at("coarse.dcm"), series_uid="1.9.99")
    slabs = volume_planes(1, thick, blobs(rng, (3, 9, 11)))
    seg(slabs, {1: "thick"}, at("thick.dcm"), series_uid="1.9.99")
    seg(slabs, {1: "thick"}, at("thick_unsaid.dcm"), between=False, series_uid="1.9.99")
    seg(slabs, {1: "thick"}, at("thick_own.dcm"), between=False)
    oblique = Grid((16, 16, 16), np.linalg.qr(TURN @ np.array([[1, .3, .1], [0, 1, .2], [.1, .4, 1]]))[0] * 1.3,
                   grid.origin - [3, 2, 1])
    seg(volume_planes(1, oblique, blobs(rng, (16, 16, 16))), {1: "oblique"}, at("oblique.dcm"))
    elsewhere = Grid((5, 4, 3), grid.axes, grid.origin + 500)
    seg(volume_planes(1, elsewhere, blobs(rng, (3, 4, 5))), {1: "away"}, at("elsewhere.dcm"))
    seg(shuffled, names, at("other_frame.dcm"), own_frame="1.9.77")
    seg(volume_planes(1, elsewhere, blobs(rng, (3, 4, 5))) + [(2, cut, 0, np.ones((4, 5), np.uint8))],
        {1: "away", 2: "here"}, at("partly.dcm"))

    sheared = np.array([[0.75, 0, 0.4], [0, 0.5, -0.6], [0, 0, 2.5]])
    for name, tilted in (("tilted", Grid((10, 12, 5), sheared, (1, 2, 3))),
                         ("gaps", Grid((10, 12, 5), sheared, (1, 2, 3), skip=(2, 5)))):
        series(tilted, "1.9.2", at(name))
        volume = blobs(rng, (5, 12, 10))
        seg(volume_planes(1, tilted, volume)[::-1], {1: name}, at(name + ".dcm"))

    structures(rng, grid, at)

    # Whose own frames make an uneven stack, and none.
    flat = Grid((7, 6, 1), np.diag([1, 1.5, 1.0]), (5, 6, 7))
    levels = [Grid((7, 6, 1), flat.axes, flat.origin + [0, 0, z]) for z in (0, 2, 3.5, 4.4, 9)]
    seg([(1, level, 0, blobs(rng, (6, 7, 1))[..., 0]) for level in levels], {1: "uneven"}, at("uneven.dcm"),
        between=False)
    beside = Grid((7, 6, 1), flat.axes, flat.origin + [3, 0, 0])
    larger = Grid((7, 6, 1), flat.axes * 2, flat.origin + [0, 0, 1])
    turned = Grid((7, 6, 1), np.diag([1, -1.5, 1.0]), flat.origin + [0, 0, 1])
    for name, other in (("beside", beside), ("sizes", larger), ("directions", turned)):
        seg([(1, g, 0, np.ones((6, 7), np.uint8)) for g in (flat, other)], {1: name}, at(name + ".dcm"),
            per_frame=True)


def star(rng, centre, radius, corners, grid, k):
    """A star-shaped polygon on slice k, in the plane, corners not on voxel centres."""
    angle = np.sort(rng.random(corners)) * 2 * np.pi
    length = radius * rng.uniform(0.4, 1, corners)
    u, v = centre[0] + length * np.cos(angle), centre[1] + length * np.sin(angle)
    plane = grid.axes[:, :2] / np.linalg.norm(grid.axes[:, :2], axis=0)
    base = grid.origin + grid.axes[:, 2] * k
    return base + np.stack([u, v], 1) @ plane.T


def structures(rng, grid, at):
    def ring(k, off=0.0):
        shift = grid.axes[:, 2] * off
        return [("CLOSED_PLANAR", star(rng, (4, 2), 2.6, 14, grid, k) + shift),
                ("CLOSED_PLANAR", star(rng, (4, 2), 1.2, 9, grid, k) + shift),
                ("POINT", [grid.origin])]
    rings = [ring(k) for k in (1, 2, 4)]
    rois = [(4, "ring", sum(rings, [])),
            (2, "between", ring(2, 0.3) + ring(2, -0.2) + ring(4, 0.45)),
            (9, "dots", [("POINT", [grid.origin])])]
    structure_set(rois, at("rtstruct.dcm"))
    structure_set([(0, "first", ring(1)), (1, "second", ring(2))], at("rt_zero.dcm"))
    again = sum((ring + ring[:2] for ring in rings), []) + rings[1][:1]
    again += [(kind, np.roll(points, 3, 0)[::-1]) for kind, points in rings[0][:1]]
    again += [(kind, np.vstack([points, points[:1]])) for kind, points in rings[2][1:2]]
    structure_set([(4, "ring", again)], at("rt_twice.dcm"))
    structure_set(rois[:1], at("rt_other_frame.dcm"), own_frame="1.9.77")
    structure_set([(1, "far", ring(0, -4.0) + ring(1))], at("rt_far.dcm"))
    # Boxes drawn along x-z planes of the grid (its rows): across the slices.
    side = [("CLOSED_PLANAR", [grid.origin + grid.axes @ [i, j, k] for i, k in
                               ((1.5, 0.6), (7.4, 0.6), (7.4, 3.6), (1.5, 3.6))]) for j in (2, 3, 4)]
    structure_set([(1, "side", side)], at("rt_side.dcm"))
    apart_structures(grid, rings, at)


def apart_structures(grid, rings, at):
    """What rounded coordinates do to the contours of one plane: each point lies a bit off it. And real planes
    that are as close as that."""
    def off(points, axis, mm, each=(1, -0.1)):
        points = np.array(points)
        along = grid.axes[:, axis] / np.linalg.norm(grid.axes[:, axis])
        return points + np.resize(each, len(points))[:, None] * along * mm
    apart = [(kind, off(points, 2, mm)) for ring in rings
             for (kind, points), mm in zip(ring, (0.07, -0.06, 0))]
    structure_set([(4, "ring", apart)], at("rt_apart.dcm"))
    pairs = [(kind, off(points, 2, mm, (1, 1))) for ring in rings for mm in (0, 0.05) for kind, points in ring]
    structure_set([(4, "ring", pairs)], at("rt_pairs.dcm"))
    halves = [("CLOSED_PLANAR", off([grid.origin + grid.axes @ [i, j, k] for i, k in
                                     ((a, 0.6), (b, 0.6), (b, 3.6), (a, 3.6))], 1, mm))
              for j in (2, 3, 4) for a, b, mm in ((1.5, 4.5, 0.03), (4.5, 7.4, -0.03))]
    structure_set([(1, "side", halves)], at("rt_side_apart.dcm"))
    rng = np.random.default_rng(5)
    close = [("CLOSED_PLANAR", star(rng, (4, 2), 2.6, 14, grid, k)) for k in np.arange(0.98, 3.2, 0.06)]
    structure_set([(1, "close", close)], at("rt_close.dcm"))


def swapped_names(out):
    """Two SEG of the same three objects, whose numbers and names do not all agree."""
    rng = np.random.default_rng(4)
    grid = Grid((11, 9, 6), TURN @ np.diag([0.75, 0.5, 2.5]), (-12.25, 30.5, 7.75))
    objects = [blobs(rng, (6, 9, 11)) for _ in range(3)]
    for name, numbers, names in (("one", (1, 2, 3), {1: "liver", 2: "spleen", 3: "left"}),
                                 ("other", (2, 1, 3), {1: "Spleen", 2: "LIVER", 3: "right"})):
        planes = sum((volume_planes(n, grid, o) for n, o in zip(numbers, objects)), [])
        seg(planes, names, os.path.join(out, name + ".dcm"))


if __name__ == "__main__":
    swapped_names(sys.argv[2]) if sys.argv[1] == "--names" else main(sys.argv[1])
