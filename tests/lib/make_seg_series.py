#!/usr/bin/python3
"""Makes small series to be segmented: make_seg_series.py DIR. One folder a case, a bright ball in each."""
import os
import sys

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from make_dicom import image, save

CT = "1.2.840.10008.5.1.4.1.1.2"
PATIENT = {"PatientName": "A^B", "PatientID": "p1", "PatientBirthDate": "19500101", "PatientSex": "F",
           "StudyDate": "20200102", "StudyTime": "101112", "StudyID": "s", "AccessionNumber": "a",
           "ReferringPhysicianName": "", "SeriesDescription": "made"}


def ball(shape, k, count):
    y, x = np.mgrid[:shape[0], :shape[1]]
    z = (k - (count - 1) / 2) / count * 1.2
    inside = ((x / shape[1] - 0.5) ** 2 + (y / shape[0] - 0.5) ** 2) * 4 + z * z * 4 < 0.5
    return (np.where(inside, 400, -200) + (x * 7 + y * 13 + k * 5) % 17).astype("<i2")


def one(k, count, uid, shape, position, orientation=(1, 0, 0, 0, 1, 0), **extra):
    d = image(k, uid, shape=shape)
    for name, value in {**PATIENT, **extra}.items():
        setattr(d, name, value)
    d.RescaleIntercept, d.PixelSpacing = 0, [1.25, 1.5]
    d.ImagePositionPatient, d.ImageOrientationPatient = list(position), list(orientation)
    d.PixelData = ball(shape, k, count).tobytes()
    return d


def series(out, name, uid, shape, positions, **extra):
    for n, position in enumerate(positions):
        save(one(n, len(positions), uid, shape, position, **extra), out, name, f"x{(n * 7) % 11}")


def enhanced(out):
    """One instance, frames stored from the top down."""
    shape, count = (37, 43), 4
    d = one(0, count, "2.25.5", shape, (0, 0, 0))
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
                 "RescaleSlope", "RescaleIntercept"):
        delattr(d, name)
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    d.NumberOfFrames = count

    def item(**values):
        made = Dataset()
        for name, value in values.items():
            setattr(made, name, value)
        return Sequence([made])

    d.SharedFunctionalGroupsSequence = item(
        PixelMeasuresSequence=item(PixelSpacing=[1, 1], SliceThickness=3),
        PlaneOrientationSequence=item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
        PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=0, RescaleType="HU"))
    groups = [item(PlanePositionSequence=item(ImagePositionPatient=[3.0 * f, -7.5, 12.25]),
                   FrameContentSequence=item(StackID="1", InStackPositionNumber=f + 1,
                                             DimensionIndexValues=[f + 1]))[0] for f in range(count)]
    d.PerFrameFunctionalGroupsSequence = Sequence(groups)
    d.PixelData = b"".join(ball(shape, f, count).tobytes() for f in range(count))
    save(d, out, "enhanced", "multi")


def main(out):
    up = [(-10.123456, -20.5, 2.5 * k) for k in range(5)]
    series(out, "odd", "2.25.1", (97, 111), up, SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    series(out, "eight", "2.25.8", (64, 48), [(-10.5, -20.25, 2.5 * k) for k in range(5)],
           SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    series(out, "tilted", "2.25.2", (64, 61), [(-9, -8 + 1.1 * k, 5.0 * k) for k in range(4)])
    series(out, "gap", "2.25.3", (35, 45), [(0, 0, 4.0 * k) for k in (0, 1, 3, 4)],
           SpecificCharacterSet=["", "ISO 2022 IR 87"])
    s = 0.5 ** 0.5
    series(out, "oblique", "2.25.4", (51, 33), [(k * 2 * s, 0, k * 2 * s) for k in range(3)],
           orientation=(0, 1, 0, s, 0, -s), LossyImageCompression="01",
           LossyImageCompressionRatio="8", LossyImageCompressionMethod="ISO_10918_1")
    enhanced(out)
    d = one(0, 1, "2.25.6", (51, 43), (0, 0, 0))
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    d.Modality = "CR"
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceThickness"):
        delattr(d, name)
    save(d, out, "radiograph", "x")


if __name__ == "__main__":
    main(sys.argv[1])
