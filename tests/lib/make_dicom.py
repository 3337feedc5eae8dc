#!/usr/bin/python3
"""Makes small DICOM series for tests: make_dicom.py DIR. One folder a case, see CASES."""
import os
import sys
import zipfile

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
CT, MR, SC, XA = ("1.2.840.10008.5.1.4.1.1." + x for x in ("2", "4", "7", "12.1"))


def image(k, uid, cls=CT, ts=EXPLICIT, shape=(6, 8), dtype="<i2"):
    d, m = Dataset(), FileMetaDataset()
    m.TransferSyntaxUID = ts
    m.MediaStorageSOPClassUID = d.SOPClassUID = cls
    m.MediaStorageSOPInstanceUID = d.SOPInstanceUID = f"{uid}.{k + 1}"
    d.file_meta, d.preamble = m, b"\0" * 128
    d.is_little_endian, d.is_implicit_VR = True, False
    d.Modality, d.SeriesInstanceUID, d.StudyInstanceUID = "MR" if cls == MR else "CT", uid, "1.2"
    d.FrameOfReferenceUID, d.InstanceNumber, d.SeriesNumber = "1.9", k + 1, 1
    d.ImagePositionPatient, d.ImageOrientationPatient = [-3, -4, 2.5 * k], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness = [0.75, 0.5], 2.5
    d.RescaleSlope, d.RescaleIntercept = 1, -1000
    d.Rows, d.Columns, d.SamplesPerPixel = shape[0], shape[1], 1
    d.PhotometricInterpretation = "MONOCHROME2"
    bits = np.dtype(dtype).itemsize * 8
    d.BitsAllocated, d.BitsStored, d.HighBit = bits, bits, bits - 1
    d.PixelRepresentation = int(np.dtype(dtype).kind == "i")
    values = np.arange(shape[0] * shape[1]).reshape(shape) * 3 + 7 * k
    d.PixelData = values.astype(dtype).tobytes()
    d["PixelData"].VR = "OW" if bits > 8 else "OB"
    return d


def save(d, *path):
    path = os.path.join(*path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    d.save_as(path, write_like_original=False)
    return path


def plain(out):
    for k in (2, 0, 3, 1):
        save(image(k, "1.2.1"), out, "plain", f"f{(k * 7) % 5}")


def phases(out):
    for p in range(2):
        for k in range(3):
            d = image(k, "1.2.2")
            d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"1.2.2.{p}.{k}"
            d.AcquisitionNumber = p + 1
            save(d, out, "phases", f"{p}{k}")


def missing(out):
    for k in (0, 1, 3, 4):
        save(image(k, "1.2.3", ts=DEFLATED), out, "missing", str(k))


def interleaved(out):
    for k in range(8):
        d = image(k, "1.2.4")
        d.AcquisitionNumber = k % 2
        d.ImagePositionPatient = [-3, -4, 10 * (k // 2) + (3 if k % 2 else 0)]
        save(d, out, "interleaved", str(k))


def types(out):
    for n, dtype in enumerate(("u1", "<u2", "<u4", "<i4")):
        save(image(0, f"1.2.5.{n}", dtype=dtype), out, "types", f"i{n}")
    for n, (dtype, name) in enumerate((("<f4", "FloatPixelData"), ("<f8", "DoubleFloatPixelData"))):
        d = image(0, f"1.2.6.{n}", dtype=dtype)
        values = np.linspace(-1, 1, 48, dtype=dtype).tobytes()
        del d.PixelData, d.BitsStored, d.HighBit, d.PixelRepresentation
        setattr(d, name, values)
        save(d, out, "types", f"r{n}")


def refused(out):
    d = image(0, "1.2.7", cls=XA, shape=(4, 4), dtype="u1")
    d.NumberOfFrames, d.PixelData = 3, bytes(48)
    save(d, out, "refused", "cine")
    d = image(0, "1.2.8", dtype="u1")
    d.PhotometricInterpretation = "PALETTE COLOR"
    save(d, out, "refused", "palette")
    d = image(0, "1.2.9", dtype="u1")
    d.PhotometricInterpretation, d.SamplesPerPixel, d.PlanarConfiguration = "RGB", 3, 0
    d.PixelData = bytes(144)
    save(d, out, "refused", "rgb")


def inverted(out):
    d = image(0, "1.2.10", dtype="<u2")
    d.PhotometricInterpretation, d.BitsStored, d.HighBit = "MONOCHROME1", 10, 9
    d.WindowCenter, d.WindowWidth = -500, 100
    save(d, out, "inverted", "f")


def captures(out):
    save(image(0, "1.2.11"), out, "captures", "image")
    d = image(0, "1.2.12", cls=SC, dtype="u1")
    del d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing
    save(d, out, "captures", "shot")
    short = save(image(1, "1.2.11"), out, "captures", "short")
    with open(short, "r+b") as f:
        f.truncate(os.path.getsize(short) - 10)
    with open(os.path.join(out, "captures", "note.txt"), "w") as f:
        f.write("hello\n")


def medium(out):
    """A DICOMDIR of four images: two are there, one is not, and one entry points out of the folder, at an
    image that would fit."""
    from pydicom.fileset import FileSet
    fs = FileSet()
    for k in range(4):
        d = image(k, "1.2.13")
        d.PatientID, d.PatientName, d.StudyID, d.StudyDate, d.StudyTime = "x", "x", "1", "20200101", "10"
        d.AccessionNumber = ""
        fs.add(d)
    fs.write(os.path.join(out, "medium"))
    folder = os.path.join(out, "medium", "PT000000", "ST000000", "SE000000")
    os.remove(os.path.join(folder, "IM000003"))
    os.makedirs(os.path.join(out, "OUT", "X"))
    os.rename(os.path.join(folder, "IM000000"), os.path.join(out, "OUT", "X", "IM000000"))
    path = os.path.join(out, "medium", "DICOMDIR")
    data, entry = open(path, "rb").read(), b"PT000000\\ST000000\\SE000000\\IM000000"
    data = data.replace(entry, b"..\\OUT\\X\\IM000000".ljust(len(entry)))
    open(path, "wb").write(data)


def zipped(out):
    os.makedirs(os.path.join(out, "zipped"))
    with zipfile.ZipFile(os.path.join(out, "zipped", "study.zip"), "w", zipfile.ZIP_DEFLATED) as z:
        for k in range(3):
            z.write(save(image(k, "1.2.14"), out, "unzipped", str(k)), f"any/../{k}")


CASES = (plain, phases, missing, interleaved, types, refused, inverted, captures, medium, zipped)
if __name__ == "__main__":
    for case in CASES:
        case(sys.argv[1])
