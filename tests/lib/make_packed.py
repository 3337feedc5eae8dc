#!/usr/bin/python3
"""Compressed multi-frame images in every packing of fragments and offset tables: make_packed.py DIR.

DIR/truth.dcm has the pixels; each DIR/SYNTAX.PACKING.dcm must decode to the same. GDCM compresses single
frames; the items and tables are put together here (PS3.5 A.4, C.7.6.3.1.8 for the extended table).
"""
import os
import struct
import sys

import gdcm
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_pixel_data_fragment
from pydicom.filebase import DicomBytesIO
from pydicom import dcmread
from pydicom.sequence import Sequence

import make_dicom

FRAMES = 5
SYNTAXES = {"j2k": ("1.2.840.10008.1.2.4.90", gdcm.TransferSyntax.JPEG2000Lossless),
            "rle": ("1.2.840.10008.1.2.5", gdcm.TransferSyntax.RLELossless),
            "jpeg": ("1.2.840.10008.1.2.4.70", gdcm.TransferSyntax.JPEGLosslessProcess14_1),
            "jpegls": ("1.2.840.10008.1.2.4.80", gdcm.TransferSyntax.JPEGLSLossless)}


def pixels(k, shape=(33, 47), is_signed=True):
    """Frames of different content, so that their code streams differ in length."""
    y, x = np.mgrid[:shape[0], :shape[1]]
    values = (x * (k + 1) + 3 * y + (x * y * k) % (17 * k + 5)) % 1500 - (700 if is_signed else 0)
    return values.astype("<i2" if is_signed else "<u2")


def compressed(frame, syntax, where):
    """The code stream of one frame."""
    d = make_dicom.image(0, "1.2.60", shape=frame.shape)
    d.PixelData = frame.tobytes()
    d.PixelRepresentation = int(frame.dtype.kind == "i")
    plain = make_dicom.save(d, where, "plain.dcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(plain)
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(plain)
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    stream = DicomBytesIO(dcmread(plain).PixelData)
    stream.is_little_endian = True
    length = struct.unpack("<I", stream.getvalue()[4:8])[0]
    stream.seek(8 + length)     # behind the offset table
    return b"".join(generate_pixel_data_fragment(stream))


def even(data):
    return data + b"\0" * (len(data) % 2)


def item(data):
    return struct.pack("<HHI", 0xfffe, 0xe000, len(data)) + data


def pieces(stream, count):
    step = max(2, len(stream) // count & ~1)
    return [even(stream[at:at + step]) for at in range(0, len(stream), step)]


def enhanced(frames, syntax):
    d = make_dicom.image(0, "1.2.61", cls="1.2.840.10008.5.1.4.1.1.2.1", ts=syntax, shape=frames[0].shape)
    d.NumberOfFrames = len(frames)
    orientation, measures, values = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = d.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = d.PixelSpacing, 2.5
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 1, -1000, "HU"
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([values])
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for k in range(len(frames)):
        place, group = Dataset(), Dataset()
        place.ImagePositionPatient = [-3, -4, 2.5 * k]
        group.PlanePositionSequence = Sequence([place])
        groups.append(group)
    d.PerFrameFunctionalGroupsSequence = Sequence(groups)
    del d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing
    return d


def write(out, name, frames, syntax, streams, split, table):
    """streams into `split` fragments each; table: "none", "basic", "extended"."""
    fragments = [pieces(s, split) for s in streams]
    d = enhanced(frames, syntax)
    offsets, at = [], 0
    for parts in fragments:
        offsets.append(at)
        at += sum(8 + len(p) for p in parts)
    basic = struct.pack(f"<{len(offsets)}I", *offsets) if table == "basic" else b""
    if table == "extended":
        lengths = [sum(map(len, parts)) for parts in fragments]
        d.add_new(0x7fe00001, "OV", struct.pack(f"<{len(offsets)}Q", *offsets))
        d.add_new(0x7fe00002, "OV", struct.pack(f"<{len(lengths)}Q", *lengths))
    body = item(basic) + b"".join(item(p) for parts in fragments for p in parts)
    d.PixelData = body + struct.pack("<HHI", 0xfffe, 0xe0dd, 0)
    d["PixelData"].VR = "OB"
    d["PixelData"].is_undefined_length = True
    make_dicom.save(d, out, name)


def main(out):
    os.makedirs(out)
    frames = [pixels(k) for k in range(FRAMES)]
    truth = enhanced(frames, make_dicom.EXPLICIT)
    truth.PixelData = b"".join(f.tobytes() for f in frames)
    make_dicom.save(truth, out, "truth.dcm")
    for name, (uid, kind) in SYNTAXES.items():
        streams = [compressed(f, kind, out) for f in frames]
        for table in ("none", "basic", "extended"):
            for split in (1, 4):
                if name == "rle" and split > 1 and table == "none":
                    continue    # nothing in RLE tells where a frame begins
                write(out, f"{name}.{table}.{split}.dcm", frames, uid, streams, split, table)
    # J2K code streams that are unsigned where the header says signed, and the other way.
    for is_signed in (True, False):
        frame = pixels(3, is_signed=is_signed)
        stored = frame.view("<u2" if is_signed else "<i2")
        stream = compressed(stored, SYNTAXES["j2k"][1], out)
        d = make_dicom.image(0, "1.2.62", ts=SYNTAXES["j2k"][0], shape=frame.shape)
        d.PixelRepresentation = int(is_signed)
        d.PixelData = item(b"") + item(even(stream)) + struct.pack("<HHI", 0xfffe, 0xe0dd, 0)
        d["PixelData"].VR, d["PixelData"].is_undefined_length = "OB", True
        name = "signed" if is_signed else "unsigned"
        make_dicom.save(d, out, "sign", name + ".dcm")
        frame.tofile(os.path.join(out, "sign", name + ".truth"))
    os.remove(os.path.join(out, "plain.dcm"))


if __name__ == "__main__":
    main(sys.argv[1])
