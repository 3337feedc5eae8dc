#!/usr/bin/python3
"""Series whose headers are odd but whose pictures can be segmented: make_odd_series.py DIR, a folder each."""
import sys

from make_dicom import save
from make_seg_series import one, series


def odd(out, name, uid, change, shape=(19, 21), count=3, **extra):
    for k in range(count):
        d = one(k, count, uid, shape, (0, 0, 2.5 * k), **extra)
        change(d, k)
        save(d, out, name, str(k))


def without(*names):
    def change(d, k):
        for name in names:
            if name in d:
                delattr(d, name)
    return change


def raw(tag, vr, value):
    """Bytes as they are, past pydicom's encoding."""
    def change(d, k):
        from pydicom.dataelem import RawDataElement
        from pydicom.tag import Tag
        d[tag] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    return change


def slopes(d, k):
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    d.Modality, d.RescaleSlope = "MR", 1 + 0.25 * k


def main(out):
    def same(d, k):
        pass
    odd(out, "one_pixel", "2.25.101", same, shape=(1, 1))
    odd(out, "row", "2.25.102", same, shape=(1, 13))
    odd(out, "no_frame", "2.25.103", without("FrameOfReferenceUID"))
    odd(out, "no_study", "2.25.104", without("StudyInstanceUID"))
    odd(out, "no_patient", "2.25.105", without("PatientID", "PatientName", "PatientSex", "PatientBirthDate", "StudyDate",
                                               "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
                                               "SeriesDescription", "SeriesNumber"))
    odd(out, "slopes", "2.25.106", slopes)
    odd(out, "no_thickness", "2.25.107", without("SliceThickness"))
    odd(out, "japanese", "2.25.108", same, SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    odd(out, "korean", "2.25.109", same, SpecificCharacterSet=["", "ISO 2022 IR 149"],
        PatientName="Hong^Gildong=洪^吉洞=홍^길동")
    odd(out, "unicode", "2.25.110", same, SpecificCharacterSet="ISO_IR 192", PatientName="Žižka^Jan=陳^平")
    odd(out, "private_set", "2.25.111", raw(0x00100010, "PN", b"M\xfcller^J\xf6rg "), SpecificCharacterSet="ACME 7")
    odd(out, "undeclared", "2.25.112", raw(0x00100010, "PN", b"M\xfcller^J\xf6rg "))
    odd(out, "chinese", "2.25.113", same, SpecificCharacterSet="GB18030", PatientName="Wang^XiaoDong=王^小东")
    odd(out, "lossy", "2.25.115", same, LossyImageCompression="01")
    odd(out, "no_series", "2.25.116", without("SeriesInstanceUID"))
    series(out, "wide", "2.25.114", (16, 32), [(0, 0, 2.5 * k) for k in range(2)])


if __name__ == "__main__":
    main(sys.argv[1])
