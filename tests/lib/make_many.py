#!/usr/bin/python3
"""Large DICOM inputs for tests/bench and tests/long: make_many.py slices|packed|files DIR COUNT.

slices: one CT series of 512x512, uncompressed; packed: the same as JPEG 2000; files: small images, 100 to
a series, in folders of 1000 with meaningless names.
"""
import os
import sys

import numpy as np

import make_dicom


def picture(k):
    y, x = np.mgrid[:512, :512]
    noise = np.random.default_rng(k).integers(0, 40, (512, 512))
    body = (x - 256) ** 2 / 220 ** 2 + (y - 256) ** 2 / 170 ** 2 < 1
    return (np.where(body, 1040 + (x + y + k) % 90, 20) + noise).astype("<i2")


def slices(out, count):
    for k in range(count):
        d = make_dicom.image(k, "1.2.70", shape=(512, 512))
        d.PixelData = picture(k).tobytes()
        d.PatientName, d.PatientID, d.StudyDate, d.SeriesTime = "x", "x", "20200101", "10"
        make_dicom.save(d, out, f"{(k * 7919) % 100003:06}")


def packed(out, count):
    import make_packed
    uid, kind = make_packed.SYNTAXES["j2k"]
    os.makedirs(out)
    for k in range(count):
        d = make_dicom.image(k, "1.2.71", ts=uid, shape=(512, 512))
        stream = make_packed.even(make_packed.compressed(picture(k), kind, out + ".plain"))
        d.PixelData = make_packed.item(b"") + make_packed.item(stream) + b"\xfe\xff\xdd\xe0\0\0\0\0"
        d["PixelData"].VR, d["PixelData"].is_undefined_length = "OB", True
        make_dicom.save(d, out, f"{k:06}")


def files(out, count):
    for n in range(count):
        series, k = divmod(n, 100)
        d = make_dicom.image(k, f"1.2.72.{series}", shape=(32, 32))
        d.SeriesNumber, d.SeriesDescription = series + 1, f"series {series}"
        make_dicom.save(d, out, f"{n % (count // 1000 + 1)}", f"{(n * 7919) % 1000003:07}")


if __name__ == "__main__":
    {"slices": slices, "packed": packed, "files": files}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
