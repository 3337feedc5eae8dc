"""same_tensors.py W.pth W.h5: torch.load's state dict and the weights file hold the same tensors, bit for bit."""
import collections
import sys

import h5py
import numpy
import torch

state = torch.load(sys.argv[1], map_location="cpu")
assert isinstance(state, collections.OrderedDict), type(state)
with h5py.File(sys.argv[2], "r") as file:
    names = [name for name, item in file.items() if isinstance(item, h5py.Dataset)]
    assert sorted(names) == sorted(state), set(names) ^ set(state)
    for name in names:
        ours, theirs = file[name][...], state[name]
        if file[name].attrs.get("bfloat16"):
            ours = (ours.astype(numpy.uint32) << 16).view(numpy.float32)
        assert theirs.dtype == torch.float32 and theirs.is_contiguous() and not theirs.requires_grad, name
        assert theirs.shape == ours.shape and numpy.array_equal(theirs.numpy(), ours.astype(numpy.float32)), name
torch.nn.Module().load_state_dict(state, strict=False)
print(f"# {len(names)} tensors, torch {torch.__version__}")
