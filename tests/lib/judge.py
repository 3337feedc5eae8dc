"""What the tests written in Python share: label maps, Dice, TAP, PNG. Shares no code with sammed2d."""
import struct
import zlib

import nibabel
import numpy as np

_count = 0


def ok(good, what):
    """One line of TAP; returns good."""
    global _count
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {what}", flush=True)
    return good


def done():
    print(f"1..{_count}")


def labels(path):
    image = nibabel.load(path)
    return image, np.asarray(image.dataobj).astype(np.int64)


def same_placement(a, b):
    """Shape, affine, sform and qform with their codes: all as in the other file, to the last bit."""
    return (a.shape[:3] == b.shape[:3] and np.array_equal(a.affine, b.affine)
            and all(np.array_equal(a.header[f], b.header[f]) for f in
                    ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c",
                     "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"))
            and np.array_equal(a.header["pixdim"][:4], b.header["pixdim"][:4]))


def dice(a, b):
    total = a.sum() + b.sum()
    return 2.0 * (a & b).sum() / total if total else 1.0


def mean_dice(found, truth, values):
    return float(np.mean([dice(found == v, truth == v) for v in values]))


def shifted(voxels, axis, by):
    """Moved by one place along an axis; what leaves the volume is lost."""
    out = np.zeros_like(voxels)
    to, where = [slice(None)] * 3, [slice(None)] * 3
    to[axis], where[axis] = (slice(1, None), slice(None, -1)) if by > 0 else (slice(None, -1), slice(1, None))
    out[tuple(to)] = voxels[tuple(where)]
    return out


def png_size(path):
    """(width, height, channels) of a sound 8-bit PNG whose every chunk and row is there, else None."""
    data = open(path, "rb").read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    at, rows, size = 8, b"", None
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] != zlib.crc32(kind + body):
            return None
        at += 12 + length
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            size = (width, height, {0: 1, 2: 3}.get(colour, 0)) if depth == 8 else None
        rows += body if kind == b"IDAT" else b""
        if kind == b"IEND" and size:
            whole = len(zlib.decompress(rows)) == size[1] * (1 + size[0] * size[2])
            return size if whole and at == len(data) else None
    return None


def png_pixels(path):
    """8-bit grey or colour PNG without interlacing, as (height, width, channels)."""
    data, at, rows = open(path, "rb").read(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        rows += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    assert depth == 8, path
    raw = np.frombuffer(zlib.decompress(rows), np.uint8).reshape(height, 1 + width * channels)
    out, above = [], np.zeros(width * channels, np.int64)
    for line in raw.astype(np.int64):
        above = _unfilter(line[0], line[1:].copy(), above, channels)
        out.append(above)
    return np.array(out, np.uint8).reshape(height, width, channels)


def _unfilter(kind, line, above, step):
    if kind == 2:
        return (line + above) & 255
    for x in range(len(line) if kind else 0):
        left, up, corner = (line[x - step], above[x], above[x - step]) if x >= step else (0, above[x], 0)
        if kind == 4:
            guess = left + up - corner
            line[x] += min((left, up, corner), key=lambda v: abs(guess - v))
        else:
            line[x] += left if kind == 1 else (left + up) // 2
        line[x] &= 255
    return line
