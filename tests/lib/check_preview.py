"""check_preview.py SAMMED2D DIR - does --preview draw a prompt where it is? TAP.

One box in a volume whose axes run to inferior, left and anterior. The picture has to show it in the radiological
view (columns to the left, rows to posterior), and nowhere mirrored.
"""
import json
import subprocess
import sys

import nibabel
import numpy as np

from judge import done, ok, png_pixels

program, folder = sys.argv[1:3]
affine = np.array([[0, -2.0, 0, 30], [0, 0, 3.0, -40], [-6.0, 0, 0, 50], [0, 0, 0, 1]])
voxels = np.random.default_rng(1).integers(90, 110, (5, 40, 30)).astype(np.int16)
voxels[3, 8:18, 14:22] += 80
nibabel.save(nibabel.Nifti1Image(voxels, affine), f"{folder}/image.nii.gz")
SHARES = (8 / 40, 18 / 40, 8 / 30, 16 / 30)  # left, right, top, bottom edge of the box in the view


def preview(*options):
    run = subprocess.run([program, "segment", f"{folder}/image.nii.gz", "-q", "--propagate", "none", "--preview",
                          f"{folder}/p.png", "-o", f"{folder}/o.nii.gz", *options], capture_output=True, text=True)
    if not ok(run.returncode in (0, 3), "a preview is made " + " ".join(options)):
        print("#", run.stderr.strip())
    return png_pixels(f"{folder}/p.png").astype(int)


def only_tile(sheet):
    """The one slice on the sheet: what is not paper, down to the legend."""
    drawn = (sheet != sheet[0, 0]).any(axis=2)
    top = np.flatnonzero(drawn.any(axis=1))[0]
    bottom = top + np.flatnonzero(~drawn[top:].any(axis=1))[0]
    columns = np.flatnonzero(drawn[top:bottom].any(axis=0))
    return sheet[top:bottom, columns[0]:columns[-1] + 1]


def coloured(pixels):
    return (pixels.max(axis=-1) - pixels.min(axis=-1) > 40).mean()


def frame(tile, left, right, top, bottom):
    """Share of the four sides that is coloured; the frame runs just outside the box."""
    h, w = tile.shape[:2]
    x0, x1 = int(left * w + 0.5) - 1, int(right * w + 0.5)
    y0, y1 = int(top * h + 0.5) - 1, int(bottom * h + 0.5)
    return min(coloured(line) for line in (tile[y0, x0:x1 + 1], tile[y1, x0:x1 + 1],
                                           tile[y0:y1 + 1, x0], tile[y0:y1 + 1, x1]))


tile = only_tile(preview("--box", "spot=3,8,14,3,17,21"))
ok(abs(tile.shape[1] / tile.shape[0] - 40 * 2 / (30 * 3)) < 0.02, f"its aspect is true: {tile.shape[:2]}")
left, right, top, bottom = SHARES
ok(frame(tile, *SHARES) == 1, "the box is drawn round its voxels")
for what, shares in {"left to right": (1 - right, 1 - left, top, bottom), "upside down": (left, right, 1 - bottom, 1 - top),
                     "transposed": (top, bottom, left, right)}.items():
    ok(frame(tile, *shares) < 0.5, f"and not {what}")
inside = tile[int(tile.shape[0] * 0.3):int(tile.shape[0] * 0.5), int(tile.shape[1] * 0.23):int(tile.shape[1] * 0.42)]
ok(inside.mean() > 1.3 * np.median(tile), "the bright voxels are in it, so it is the right slice")

both = [preview("--box", f"spot={i},8,14,{i},17,21") for i in (2, 3)]
ok((both[0][:40, :80] != both[1][:40, :80]).any(), "the caption tells slices apart")
points = preview("--point", "spot=3,12,17", "--exclude", "spot=3,30,5")
ok(points.shape == both[1].shape, "points are drawn on one slice too")
many = {"objects": [{"name": f"object {n}", "id": n + 1, "boxes": [[n % 5, n, n % 20, n % 5, n + 6, n % 20 + 5]]}
                    for n in range(30)]}
json.dump(many, open(f"{folder}/many.json", "w"))
sheet = preview("--prompts", f"{folder}/many.json")
ok(sheet.shape[1] <= 2000, f"thirty objects fit: {sheet.shape[:2]}")
done()
