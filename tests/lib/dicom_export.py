#!/usr/bin/python3
"""Compares what dicom_volumes found in a made PACS export with the export's manifest.

    dicom_volumes -o DIR EXPORT > LIST;  dicom_export.py LIST DIR TRUTH/manifest.json EXPORT

One line "ok NAME" or "not ok NAME: why" for each series and each trap; exit status 1 on any "not ok".
"""
import hashlib
import json
import os
import sys

import numpy as np

# What each kind of trap must be called, by a word in the manifest's "why".
WORDS = {"duplicate instance": "duplicate of", "truncated copy": "truncated", "cut inside": "truncated",
         "zero bytes": "empty", "DICOMDIR": "DICOMDIR", "magic but": "truncated"}


def check_series(series, volumes, folder):
    mine = [v for v in volumes if v["uid"] == series["series_uid"]]
    if len(mine) != series["phases"]:
        return f"{len(mine)} volumes where {series['phases']} were made"
    v = mine[0]
    dim = [series["columns"], series["rows"], series["slices"] - len(series["missing_slices"])]
    if v["dim"] != dim:
        return f"dim {v['dim']}, not {dim}"
    off = np.abs(np.array(v["affine"]).reshape(4, 4) - np.array(series["affine_lps"])).max()
    if off > 1e-4:
        return f"affine off by {off}"
    if [g[0] for g in v["gaps"]] != [k - 1 for k in series["missing_slices"]]:
        return f"gaps {v['gaps']}"
    if abs(v["tilt"] - abs(series["gantry_tilt"])) > 0.05:
        return f"tilt {v['tilt']}"
    raw = np.fromfile(os.path.join(folder, f"{v['number']}.raw"), v["type"])
    raw = raw.reshape(dim[::-1]).astype(np.float64)
    scale = np.array(v["rescale"])
    values = raw * scale[:, 0, None, None] + scale[:, 1, None, None]
    sha = hashlib.sha256(values.astype("<i2").tobytes()).hexdigest()
    return "" if sha == series["value_sha256_int16_phase1"] else "voxel values"


def check_trap(trap, reasons, volumes, export):
    path = os.path.join(export, trap["path"])
    if "of another series" in trap["why"]:
        return "" if any(e["file"] == path for v in volumes for e in v["file_list"]) else "not found"
    kin = os.path.basename(path).split(" ")[0]
    # Of a duplicate pair either file may be the one that is left out.
    named = reasons.get(path) or next((r for f, r in reasons.items() if f.endswith("/" + kin)), "")
    word = next((w for key, w in WORDS.items() if key in trap["why"]), "not DICOM")
    return "" if word in named else f"reason \"{named}\""


def main():
    lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    volumes = [e for e in lines if "left_out" not in e]
    reasons = {e["file"]: e["reason"] for e in lines if "left_out" in e}
    manifest = json.load(open(sys.argv[3], encoding="utf-8"))
    verdicts = []
    for s in manifest["series"]:
        if s["is_volume"]:
            verdicts.append((s["key"], check_series(s, volumes, sys.argv[2])))
        else:
            named = [reasons.get(os.path.join(sys.argv[4], f["path"]), "") for f in s["files"]]
            word = "localizer" if "localizer" in s["why"] else "secondary capture"
            verdicts.append((s["key"], "" if all(word in n for n in named) else str(named)))
    for t in manifest["other_files"]:
        verdicts.append((t["path"], check_trap(t, reasons, volumes, sys.argv[4])))
    for t in manifest["non_image_objects"]:
        named = reasons.get(os.path.join(sys.argv[4], t["path"]), "")
        verdicts.append((t["path"], "" if "not an image" in named else f"reason \"{named}\""))
    made = sum(s.get("phases", 0) for s in manifest["series"] if s["is_volume"])
    extra = len(volumes) - made - 1     # the data set without preamble is one more
    verdicts.append(("number of volumes", "" if extra == 0 else f"{extra} too many"))
    for name, why in verdicts:
        print(f"not ok {name}: {why}" if why else f"ok {name}")
    return any(why for _, why in verdicts)


if __name__ == "__main__":
    sys.exit(main())
