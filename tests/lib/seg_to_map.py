"""seg_to_map.py SEG OUT.nii SEGMENT - one segment as a label map with two more slices on either side, by pydicom
and nibabel alone: evenly spaced frames, missing ones empty."""
import sys

import nibabel
import numpy as np
import pydicom

import seg_witness

path, out, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
frames = seg_witness.frames_of(pydicom.dcmread(path))
_, origin, row, column, dy, dx, pixels, step = frames[0]
normal = np.cross(row, column)
depth = [f[1] @ normal for f in frames]
low, high = int(np.argmin(depth)), int(np.argmax(depth))
steps = round((depth[high] - depth[low]) / step)
on = (frames[high][1] - frames[low][1]) / steps
start = frames[low][1] - 2 * on
volume = np.zeros((pixels.shape[1], pixels.shape[0], steps + 5), np.uint8)
for f in frames:
    if f[0] == number:
        k = round((f[1] - start) @ normal / (on @ normal))
        volume[:, :, k] = f[6].T * number
affine = np.eye(4)
affine[:3] = np.stack([row * dx, column * dy, on, start], 1)
affine[:2] *= -1  # LPS to RAS
nibabel.save(nibabel.Nifti1Image(volume, affine), out)
