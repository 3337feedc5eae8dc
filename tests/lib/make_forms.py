#!/usr/bin/python3
"""More small DICOM series for tests, one folder a case: make_forms.py DIR. What make_dicom.py has are the
plain ones; here are PET, tables, character sets, pixels in odd bits, bombs, and trees that are easy to
group wrongly."""
import os
import struct
import sys
import zipfile
import zlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from make_dicom import CT, DEFLATED, MR, image, save

PT, CR = "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.1"
UID = "1.2.826.0.1.3680043.10.1338.9."


def write(out, case, name, k, uid, cls=CT, number=None, **attributes):
    """Slice k of a series, with its own SOPInstanceUID for every name; returns the path."""
    d = image(k, UID + uid, cls=cls)
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{UID}{uid}.{zlib.crc32((case + name).encode())}"
    if number is not None:
        d.InstanceNumber = number
    for key, value in attributes.items():
        setattr(d, key, value)
    return save(d, out, case, name)


def pet(out):
    """The rescale of each slice is its own; corrected and uncorrected images in one series."""
    for n, corrected in enumerate((["DECY", "ATTN", "SCAT"], ["DECY"])):
        for k in range(4):
            d = image(k, UID + "1", cls=PT, dtype="<u2")
            d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{UID}1.{n}.{k}"
            d.Modality, d.Units, d.CorrectedImage = "PT", "BQML", corrected
            d.AttenuationCorrectionMethod = "CT" if n == 0 else "NONE"
            d.RescaleSlope, d.RescaleIntercept = f"{0.123 * (k + 1) + n:.4f}", 0
            save(d, out, "pet", f"{n}{k}")


def dynamic_pet(out):
    for t in range(3):
        for k in range(3):
            write(out, "dynamic_pet", f"{t}{k}", k, "2", cls=PT, Modality="PT", Units="BQML", number=3 * t + k,
                  FrameReferenceTime=f"{60000 * t + 30000}", ActualFrameDuration="60000")


def table(first, size, values, bits=16):
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [size, first, bits])
    item.add_new(0x00283006, "US", list(values))
    return Sequence([item])


def voi_tables(out):
    """A VOI LUT of its own in each slice; then one that all share."""
    for k in range(3):
        write(out, "voi_tables", str(k), k, "3", number=k,
              VOILUTSequence=table(-1000 + 10 * k, 40, np.linspace(0, 255, 40 + k)[:40].astype(int), 8))
        write(out, "voi_table", str(k), k, "4", number=k, VOILUTSequence=table(-1000, 40, range(40), 8))


def modality_tables(out):
    for k in range(3):
        d = image(k, UID + "5", dtype="<u2")
        del d.RescaleSlope, d.RescaleIntercept
        d.ModalityLUTSequence = table(0, 256, (np.arange(256) * (k + 2) + 100).tolist())
        d.ModalityLUTSequence[0].ModalityLUTType = "HU"
        save(d, out, "modality_tables", str(k))


def odd_bits(out):
    """12 bits with an overlay in bit 12, as in the eighties; signed 12 bits without their sign above."""
    d = image(0, UID + "6", dtype="<u2")
    values = np.frombuffer(d.PixelData, "<u2").copy()
    values[::3] |= 0x1000
    d.PixelData, d.BitsStored, d.HighBit = values.tobytes(), 12, 11
    d.add_new(0x60000100, "US", 16)
    d.add_new(0x60000102, "US", 12)
    save(d, out, "odd_bits", "overlay")
    d = image(0, UID + "7")
    d.BitsStored, d.HighBit = 12, 11
    values = (np.arange(48) * 60 - 1400).astype("<i2")
    d.PixelData = (values & 0x0fff).astype("<u2").tobytes()
    save(d, out, "odd_bits", "signed")


def bombs(out):
    """200 MB of zeros deflated, and the same in a zip archive, beside a black picture that is one neither."""
    black = image(0, UID + "8", ts=DEFLATED, shape=(512, 512))
    black.PixelData = bytes(2 * 512 * 512)
    save(black, out, "bombs", "black")
    bomb = image(0, UID + "9", ts=DEFLATED, shape=(10000, 10000), dtype="u1")
    bomb.PixelData = bytes(100000000)
    save(bomb, out, "bombs", "deflated")
    with zipfile.ZipFile(os.path.join(out, "bombs", "study.zip"), "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("zeros", bytes(100000000))
        z.write(os.path.join(out, "bombs", "black"), "black")
    # A stream that is cut short is no bomb: its header is read, its pixels are not there.
    whole = open(save(image(1, UID + "8", ts=DEFLATED), out, "bombs", "cut"), "rb").read()
    open(os.path.join(out, "bombs", "cut"), "wb").write(whole[:-20])


TEXTS = {  # as PS3.5 annexes H to K write them, and what clinics use
    "ISO_IR 100": "Größe", "ISO_IR 101": "Žluťoučký", "ISO_IR 144": "Люкceмбypг", "ISO_IR 127": "قباني",
    "ISO_IR 126": "Διονυσιος", "ISO_IR 138": "שרון", "ISO_IR 148": "Çavuşoğlu", "ISO_IR 166": "สวัสดี",
    "ISO_IR 192": "王^小東 ü", "GB18030": "王小东", "ISO_IR 13": "ﾔﾏﾀﾞ",
    "\\ISO 2022 IR 87": "Brain 脳 head", "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞ 山田",
    "\\ISO 2022 IR 149": "CT 김희중 x", "\\ISO 2022 IR 58": "MR 王小东 y",
    "ISO 2022 IR 100\\ISO 2022 IR 144": "Größe Люк",
}


def charsets(out):
    from pydicom.charset import encode_string, convert_encodings
    for n, (sets, text) in enumerate(TEXTS.items()):
        d = image(0, UID + f"10.{n}")
        names = sets.split("\\")
        d.SpecificCharacterSet = names if len(names) > 1 else sets
        raw = encode_string(text, convert_encodings(names)) if "IR 58" not in sets else \
            b"MR \x1b$)A" + "王小东".encode("gb2312") + b" y"    # pydicom's writer forgets the escape
        d.SeriesNumber = n
        path = save(d, out, "charsets", f"{n:02}")
        whole = open(path, "rb").read()     # the raw bytes, where pydicom's writer would have its own mind
        raw += b" " * (len(raw) % 2)
        element = struct.pack("<HH2sH", 0x0008, 0x103e, b"LO", len(raw)) + raw
        at = whole.index(struct.pack("<HH2s", 0x0018, 0x0050, b"DS"))
        open(path, "wb").write(whole[:at] + element + whole[at:])


def broken_charsets(out):
    """Sets that do not exist, escapes to nowhere, halves of characters: shown somehow, never a stop."""
    raws = [(b"NONSENSE", b"\xff\xfe ok"), (b"ISO_IR 192", b"\xc3("), (b"\\ISO 2022 IR 87", b"\x1b$B!"),
            (b"\\ISO 2022 IR 149", b"\x1b$)C\xb1"), (b"ISO 2022 IR 58", b"\x1b$"), (b"", b"\xe4\x1b"),
            (b"GB18030", b"\x81"), (b"ISO_IR 13", b"\x81"), (b"\\\\\\", b"\x1b(Zab")]
    for n, (sets, raw) in enumerate(raws):
        d = image(0, UID + f"11.{n}")
        d.SpecificCharacterSet, d.SeriesNumber = "ISO_IR 100", n
        d.SeriesDescription = "X" * 16
        path = save(d, out, "broken_charsets", str(n))
        whole = open(path, "rb").read().replace(b"X" * 16, raw.ljust(16))
        old = struct.pack("<HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100"
        new = struct.pack("<HH2sH", 8, 5, b"CS", 16) + sets.ljust(16)
        assert old in whole
        open(path, "wb").write(whole.replace(old, new))


def single(out):
    """One image as one slice, with pixels that are not square."""
    d = image(0, UID + "12", cls=CR, dtype="<u2")
    d.Modality, d.ImagerPixelSpacing = "CR", [0.2, 0.1]
    del d.PixelSpacing, d.ImagePositionPatient, d.ImageOrientationPatient, d.SliceThickness
    save(d, out, "single", "spacing")
    d = image(0, UID + "13", cls=CR, dtype="<u2")
    d.Modality, d.PixelAspectRatio = "CR", [3, 2]
    del d.PixelSpacing, d.ImagePositionPatient, d.ImageOrientationPatient, d.SliceThickness
    save(d, out, "single", "ratio")


def unplaced(out):
    """No position or orientation; an orientation that is none, in all slices and in one."""
    d = image(0, UID + "20", shape=(24, 32))
    del d.ImagePositionPatient, d.ImageOrientationPatient
    save(d, out, "unplaced", "image")
    for k in range(5):
        for uid, bad in (("21", True), ("22", k == 2)):
            write(out, "skew" if uid == "21" else "one_skew", f"s{k}", k, uid,
                  ImageOrientationPatient=["1", "0", "0", "0", "0.99" if bad else "1", "0"])


CASES = (pet, dynamic_pet, voi_tables, modality_tables, odd_bits, bombs, charsets, broken_charsets, single, unplaced)
if __name__ == "__main__":
    for case in CASES:
        case(sys.argv[1])
