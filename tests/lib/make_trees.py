#!/usr/bin/python3
"""Trees of small series that are easy to group wrongly, one folder a case: make_trees.py DIR."""
import os
import sys

from make_dicom import CT, MR
from make_forms import UID, write


def copies(out):
    """Duplicates under other names, and truncated copies whose names come first: the whole one is used."""
    for k in range(4):
        path = write(out, "copies", f"m{k}", k, "20", number=k)
        whole = open(path, "rb").read()
        if k == 1:
            open(os.path.join(out, "copies", "a_copy"), "wb").write(whole)
        if k == 2:      # in the pixels; in the header
            open(os.path.join(out, "copies", "a_short"), "wb").write(whole[:-20])
            open(os.path.join(out, "copies", "b_shorter"), "wb").write(whole[:300])


def one_uid(out):
    """An anonymiser gave every file one SOPInstanceUID."""
    for k in range(4):
        write(out, "one_uid", str(k), k, "21", number=k + 1, SOPInstanceUID=UID + "21.1")


def localizers(out):
    for k in range(5):
        write(out, "localizers", f"s{k}", k, "22", number=k + 3)
    write(out, "localizers", "top", 0, "22", number=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write(out, "localizers", "side", 0, "22", number=2, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])


def frames_of_reference(out):
    for n in range(2):
        for k in range(3):
            write(out, "frames_of_reference", f"{n}{k}", k, "23", FrameOfReferenceUID=f"1.9.{n}", number=3 * n + k)


def image_types(out):
    """Magnitude and phase at the same positions; then at positions between each other, evenly."""
    for n, kind in enumerate("MP"):
        for k in range(3):
            write(out, "image_types", f"{n}{k}", k, "24", cls=MR, ImageType=["ORIGINAL", "PRIMARY", kind, "ND"],
                  number=k)
            write(out, "woven_types", f"{n}{k}", k, "25", cls=MR, ImageType=["ORIGINAL", "PRIMARY", kind, "ND"],
                  number=k, ImagePositionPatient=[-3, -4, 5 * k + 2.5 * n])


def interleaved(out):
    """One volume that was acquired in two passes, odd slices and even ones: not to be torn apart."""
    for k in range(8):
        write(out, "interleaved_passes", str(k), k, "26", cls=MR, AcquisitionNumber=k % 2 + 1, number=k,
              AcquisitionTime=f"1000{k % 2}{k // 2}")


def contrast(out):
    """Phases told apart by their contrast agent only, then by their acquisition time only."""
    for n, agent in enumerate(("", "Iodine")):
        for k in range(3):
            write(out, "contrast", f"{n}{k}", k, "27", ContrastBolusAgent=agent, number=k)
            write(out, "times", f"{n}{k}", k, "28", AcquisitionTime=f"10{n}000", number=k)


def partly(out):
    """Two phases of which one is longer, and lacks a slice."""
    for k in range(6):
        write(out, "partly", f"a{k}", k, "29", AcquisitionNumber=1, number=k)
    for k in (1, 2, 4):
        write(out, "partly", f"b{k}", k, "29", AcquisitionNumber=2, number=k)


def diffusion(out):
    for n, b in enumerate((0.0, 1000.0)):
        for direction in ((0, 0, 1),) if n == 0 else ((1, 0, 0), (0, 1, 0)):
            for k in range(3):
                write(out, "diffusion", f"{n}{direction}{k}", k, "30", cls=MR, number=k, DiffusionBValue=b,
                      DiffusionGradientOrientation=[float(x) for x in direction])


def several_marks(out):
    """Two echoes of each of two times."""
    for t in range(2):
        for e in range(2):
            for k in range(3):
                write(out, "several_marks", f"{t}{e}{k}", k, "31", cls=MR, number=k, EchoNumbers=e + 1,
                      EchoTime=10 * e + 5, TemporalPositionIdentifier=t + 1, NumberOfTemporalPositions=2)


def rescan(out):
    """One slice was taken twice, and nothing says why."""
    for k in range(4):
        write(out, "rescan", f"{k}", k, "32", number=k + 1)
    write(out, "rescan", "again", 2, "32", number=9)


def unsure(out):
    """Rounded positions and directions, and numbers that count the other way."""
    for k in range(5):
        write(out, "unsure", f"{k}", k, "33", number=9 - k, ImagePositionPatient=[-3, -4, f"{2.5 * k + 0.03 * (k % 2):.2f}"],
              ImageOrientationPatient=["1", f"{1e-6 * k:.7f}", "0", "0", "1", "-0.0000"])


def sizes(out):
    """A reconstruction of another size and one of other spacing under one series UID."""
    for k in range(3):
        write(out, "sizes", f"a{k}", k, "34", number=k)
        write(out, "sizes", f"b{k}", k, "34", number=k + 3, PixelSpacing=[1.5, 1])


def no_uids(out):
    """Series UIDs are gone; numbers, descriptions and folders are what is left."""
    for n in range(2):
        for k in range(3):
            write(out, "no_uids", f"{n}{k}", k, "35", number=k, SeriesInstanceUID="", SeriesNumber=n + 1)


CASES = (copies, one_uid, localizers, frames_of_reference, image_types, interleaved, contrast, partly, diffusion,
         several_marks, rescan, unsure, sizes, no_uids)
if __name__ == "__main__":
    for case in CASES:
        case(sys.argv[1])
