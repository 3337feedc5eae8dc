#!/usr/bin/python3
"""The bundled weights with mask decoders that see nothing: every logit is 0, which is outside. For what
happens when nothing is found: blind_weights.py OUT.h5"""
import glob
import shutil
import sys

import h5py

shutil.copy(sorted(glob.glob("weights/*.h5"))[0], sys.argv[1])
with h5py.File(sys.argv[1], "r+") as file:
    for name in file:
        if "output_hypernetworks_mlps" in name and ".layers.2." in name:
            file[name][...] = 0
