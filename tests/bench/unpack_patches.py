#!/usr/bin/env python3
"""unpack_patches.py PATCHES.h5 DIR - an HDF5 file of 2-D patches ("images" and "labels", (n, 1, rows, columns),
values 0..1, as the lung tumour patches of the Decathlon's Task06 are passed around) as DIR/images and DIR/labels
of one-slice NIfTI files, which `sammed2d eval` reads. 2 mm pixels."""
import json
import os
import sys

import h5py
import nibabel
import numpy

path, out = sys.argv[1:]
with h5py.File(path) as patches:
    images, labels = patches["images"][:, 0], patches["labels"][:, 0]
for name in "images", "labels":
    os.makedirs(os.path.join(out, name), exist_ok=True)
for number, (image, label) in enumerate(zip(images, labels)):
    for name, pixels in ("images", image.astype("f4")), ("labels", (label > 0.5).astype("u1")):
        nibabel.save(nibabel.Nifti1Image(pixels.T[:, :, None], numpy.diag([-2, -2, 2, 1])),
                     os.path.join(out, name, "%03d.nii.gz" % number))
with open(os.path.join(out, "labels.json"), "w") as names:
    json.dump({"dataset": "ct_lung_tumour_patches_msd", "modality": "CT", "labels": {"1": "lung_tumour"}}, names)
