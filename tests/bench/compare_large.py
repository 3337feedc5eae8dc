#!/usr/bin/python3
"""compare_large.py SAMMED2D [--dense] - seconds and memory of `sammed2d compare` on two label maps of
512 x 512 x 500 voxels with five labels each: organs, or (--dense) blobs that fill three quarters of the grid
with surfaces as rough as they come. Needs python3-nibabel and python3-scipy."""
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import nibabel
import numpy as np
from scipy import ndimage

SHAPE, AFFINE = (512, 512, 500), np.diag([0.7, 0.7, 1.0, 1])


def field(seed, cells):
    coarse = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(cells), 1.2)
    return ndimage.zoom(coarse, [s / c for s, c in zip(SHAPE, cells)], order=1)


def label_map(dense, noise):
    out = np.zeros(SHAPE, np.uint8)
    if dense:
        for label in range(1, 6):
            out[field(label, (64, 64, 62)) + noise * field(100 + label, (64, 64, 62)) > 0.08] = label
        return out
    i, j, k = np.ogrid[:512, :512, :500]
    for label in range(1, 6):  # ellipsoids of 20 to 180 voxels, their surfaces waved
        rng = np.random.default_rng(label)
        centre, radius = rng.uniform(150, 350, 3), rng.uniform(60, 180) / label
        wave = 1 + 0.05 * np.sin(i / 9) * np.cos(j / 7) + noise * np.sin(k / 11)
        out[((i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2) < (radius * wave) ** 2] = label
    return out


def make(paths, dense):
    for path, noise in zip(paths, (0, 0.1 if dense else 0.03)):
        nibabel.save(nibabel.Nifti1Image(label_map(dense, noise), AFFINE), path)


def main(program, dense):
    with tempfile.TemporaryDirectory() as work:
        paths = [os.path.join(work, name) for name in ("a.nii", "b.nii")]
        # In a process of its own: a program begins with the peak memory of who started it.
        maker = multiprocessing.Process(target=make, args=(paths, dense))
        maker.start()
        maker.join()
        start = time.time()
        child = subprocess.Popen([program, "compare", *paths])
        _, status, used = os.wait4(child.pid, 0)
        print("%.1f s, %.1f s of CPU, %d MB, status %d" % (time.time() - start, used.ru_utime + used.ru_stime,
                                                          used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)))


main(sys.argv[1], "--dense" in sys.argv)
