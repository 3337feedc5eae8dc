#!/usr/bin/env python3
"""Write the small golden set that lives in this repository (tests/golden/set).

The numbers come from running the published PyTorch code on a CPU, never from this project's C code.
Weights follow the hash rule of README.md, pictures are synthetic. The helpers (weight rule, stand-ins
for unused packages, HDF5 output) are those of the script that made the full set.

    make_set.py --goldens make_goldens.py --reference SAM-Med2D --out tests/golden/set
"""
import argparse
import importlib.util
import os

import h5py
import numpy as np
import torch

SEED = 731
FILES = {
    # Everything in full: a picture of 64 x 64 is 4 x 4 tokens in a window of 14 x 14.
    "small_adapters.h5": dict(
        shape=dict(image_size=64, embed_dim=32, depth=3, num_heads=2, window_size=14,
                   global_attn_indexes=[1], adapter=True), every=1, cases=None),
    # 16 x 16 tokens are four windows; every 4th number is enough.
    "small_plain_256.h5": dict(
        shape=dict(image_size=256, embed_dim=48, depth=2, num_heads=3, window_size=14,
                   global_attn_indexes=[1], adapter=False), every=4,
        cases=["box", "points3", "points_mask"]),
}
PICTURES = [(75, 90, 41), (64, 41, 42), (30, 130, 43)]
CASES = {
    "box": dict(boxes=[[12, 20, 55, 61]]),
    "point": dict(points=[[33, 40]], labels=[1]),
    "points3": dict(points=[[70.5, 12], [20, 60.25], [5, 5]], labels=[1, 0, 1]),
    "box_points": dict(boxes=[[50, 22, 88, 47]], points=[[60, 30], [52, 44]], labels=[1, 0]),
    "points_mask": dict(points=[[41, 33], [80, 70]], labels=[1, 0], mask_seed=51),
    "box_mask": dict(boxes=[[30, 10, 62, 50]], mask_seed=52),
    "box_points_mask": dict(boxes=[[30, 10, 62, 50]], points=[[40, 20]], labels=[1], mask_seed=54),
    "mask_only": dict(mask_seed=53),
    "boxes3": dict(boxes=[[12, 20, 55, 61], [60, 5, 80, 30], [1.5, 3.25, 89, 70]]),
    "points_batch2": dict(points=[[[10, 20], [0, 0]], [[85, 11], [44, 66]]], labels=[[1, -1], [0, 1]]),
}
RUNS = [
    dict(name="75x90_point_best_of_three", image=0, multimask=True, points=[[33, 40]], labels=[1]),
    dict(name="64x41_box_points_one_mask", image=1, multimask=False, boxes=[[5, 9, 33, 50]],
         points=[[12, 20], [30, 45]], labels=[1, 0]),
    dict(name="30x130_box_mask_best_of_three", image=2, multimask=True, boxes=[[20, 3, 100, 27]],
         mask_seed=55),
]


def load(path):
    spec = importlib.util.spec_from_file_location("make_goldens", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Writer:
    """Golden.put with every n-th element of the last dimensions kept."""

    def __init__(self, golden, every):
        self.golden, self.every = golden, every

    def put(self, path, value, exact=None, kept_dims=0):
        def thin(x):
            if self.every == 1 or not kept_dims or x is None:
                return x
            x = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x
            steps = (slice(None),) * (x.ndim - kept_dims) + (slice(None, None, self.every),) * kept_dims
            return np.ascontiguousarray(x[steps])
        if self.every > 1 and kept_dims:
            path += "_every_%dth" % self.every
        self.golden.put(path, thin(value), thin(exact))


def tensors_of(mg, case, predictor):
    named = {k: v for k, v in case.items() if k in ("points", "labels", "boxes", "mask_seed")}
    return mg.case_tensors(named, predictor)


def write_encoder(mg, ref, model, exact_model, picture, shape, w):
    mean, std = (t.squeeze().numpy() for t in (model.pixel_mean, model.pixel_std))
    size = shape["image_size"]
    normalized = mg.nearest_resize((picture - mean) / std, size, size)
    image = torch.from_numpy(normalized.transpose(2, 0, 1).copy())[None]
    stages = list(range(shape["depth"]))
    kept = mg.encoder_stages(model, image, stages)
    with mg.Float64Default():
        exact = mg.encoder_stages(exact_model, image.double(), stages)
    w.put("image/0_uint8_rgb", picture)
    if w.every == 1:
        w.put("encoder/input_normalized_chw", image[0])
    for name, value in kept.items():
        tail = "_chw" if name == "image_embedding" else "_hwc"
        w.put("encoder/" + name + tail, value, exact[name], 3)
    return kept["image_embedding"][None], exact["image_embedding"][None]


def write_case(mg, name, case, predictor, models, embeddings, w):
    tensors = tensors_of(mg, case, predictor)
    results = [mg.run_prompt(models[0], embeddings[0], *tensors)]
    with mg.Float64Default():
        results.append(mg.run_prompt(models[1], embeddings[1], *[mg.double_or_none(t) for t in tensors]))
    prefix = "case/%s/" % name
    if "points" in case:
        w.put(prefix + "input/point_coords_original_frame", np.array(case["points"], dtype=np.float32))
        w.put(prefix + "input/point_coords_model_frame", tensors[0])
        w.put(prefix + "input/point_labels", tensors[1])
    if "boxes" in case:
        w.put(prefix + "input/boxes_original_frame", np.array(case["boxes"], dtype=np.float32))
        w.put(prefix + "input/boxes_model_frame", tensors[2])
    (sparse, dense, out), (e_sparse, e_dense, e_out) = results
    if tensors[3] is not None:
        w.put(prefix + "input/mask_input", tensors[3])
        w.put(prefix + "dense_embeddings", dense, e_dense, 3)
    w.put(prefix + "sparse_embeddings", sparse, e_sparse)
    for multimask, label in ((False, "one_mask"), (True, "three_masks")):
        w.put(prefix + label + "/low_res_logits", out[multimask][0], e_out[multimask][0], 2)
        w.put(prefix + label + "/iou_predictions", out[multimask][1], e_out[multimask][1])


def write_run(mg, ref, run, pictures, models, shape, w):
    picture, size = pictures[run["image"]], shape["image_size"]
    results = []
    mean, std = (t.squeeze().numpy() for t in (models[0].pixel_mean, models[0].pixel_std))
    resized = mg.nearest_resize((picture - mean) / std, size, size).transpose(2, 0, 1).copy()
    for model, kind in zip(models, (torch.float32, torch.float64)):
        torch.set_default_dtype(kind)
        predictor = ref.predictor.SammedPredictor(model)
        with torch.no_grad():
            predictor.features = model.image_encoder(torch.from_numpy(resized)[None].to(kind))
        predictor.is_image_set = True
        predictor.original_size, predictor.new_size = picture.shape[:2], (size, size)
        tensors = tensors_of(mg, run, predictor)
        if kind == torch.float64:
            tensors = [mg.double_or_none(t) for t in tensors]
        results.append([x[0] for x in predictor.predict_torch(*tensors, run["multimask"], return_logits=True)])
    torch.set_default_dtype(torch.float32)
    prefix = "predictor/%s/" % run["name"]
    group = w.golden.file.create_group(prefix)
    group.attrs["image"] = np.int32(run["image"])
    group.attrs["multimask_output"] = np.int32(run["multimask"])
    group.attrs["original_size"] = np.array(picture.shape[:2], dtype=np.int32)
    if "points" in run:
        w.put(prefix + "input/point_coords_original_frame", np.array(run["points"], dtype=np.float32))
        w.put(prefix + "input/point_labels", np.array(run["labels"], dtype=np.int32))
    if "boxes" in run:
        w.put(prefix + "input/box_original_frame", np.array(run["boxes"][0], dtype=np.float32))
    if "mask_seed" in run:
        side = models[0].prompt_encoder.mask_input_size[0]
        w.put(prefix + "input/mask_input", mg.synthetic_mask_logits(side, run["mask_seed"])[None])
    for key, value, exact, dims in zip(("mask_logits_original_size", "iou_predictions", "low_res_logits"),
                                       results[0], results[1], (2, 0, 2)):
        w.put(prefix + key, value, exact, dims)


def write_file(mg, ref, out, file_name):
    spec = FILES[file_name]
    shape = spec["shape"]
    model = ref.model(shape, SEED)
    models = (model, ref.as_float64(model))
    golden = mg.Golden(out, file_name, mg.attributes_of(shape, SEED))
    w = Writer(golden, spec["every"])
    pictures = [mg.synthetic_image(*p) for p in PICTURES]
    golden.file.attrs["original_size"] = np.array(pictures[0].shape[:2], dtype=np.int32)
    embeddings = write_encoder(mg, ref, *models, pictures[0], shape, w)
    with mg.Float64Default():
        exact_pe = models[1].prompt_encoder.get_dense_pe()
    w.put("prompt_encoder/dense_positional_encoding", model.prompt_encoder.get_dense_pe(), exact_pe, 3)
    predictor = ref.predictor.SammedPredictor(model)
    predictor.original_size = pictures[0].shape[:2]
    predictor.new_size = (shape["image_size"],) * 2
    for name in spec["cases"] or CASES:
        case = CASES[name]
        write_case(mg, name, case, predictor, models, embeddings, w)
    for number, picture in enumerate(pictures[1:], 1):
        w.put("image/%d_uint8_rgb" % number, picture)
    for run in RUNS:
        write_run(mg, ref, run, pictures, models, shape, w)
    golden.close()


def write_preprocess(mg, out):
    mean = np.array([123.675, 116.28, 103.53], dtype=np.float32)
    std = np.array([58.395, 57.12, 57.375], dtype=np.float32)
    golden = mg.Golden(out, "small_preprocess.h5", {"target_size": np.int32(48), "pixel_mean": mean,
                                                    "pixel_std": std})
    for number, (height, width) in enumerate([(1, 1), (5, 7), (48, 48), (61, 50), (40, 33), (150, 9)]):
        image = mg.synthetic_image(height, width, 600 + number)
        resized = mg.nearest_resize((image - mean) / std, 48, 48)
        golden.put("image_%dx%d/uint8_rgb_hwc" % (height, width), image)
        golden.put("image_%dx%d/normalized_48x48_chw" % (height, width), resized.transpose(2, 0, 1))
    table = np.stack([mg.nearest_index(n, 48) for n in range(1, 513)]).astype(np.uint16)
    golden.put("nearest_source_index_for_48/size_1_to_512", table)
    golden.close()


def write_interpolation(mg, ref, out):
    """load_from of build_sam.py on a model of few channels, 512 to 128 pixels."""
    global_blocks, shapes = [2, 5], lambda tokens: {
        "image_encoder.pos_embed": (1, tokens, tokens, 6),
        **{"image_encoder.blocks.%d.attn.rel_pos_%s" % (b, axis):
           (2 * (tokens if b in global_blocks else 14) - 1, 3) for b in range(6) for axis in "hw"},
        "mask_decoder.mask_tokens.weight": (4, 4),
        "mask_decoder.iou_prediction_head.layers.0.bias": (4,),
        "mask_decoder.output_hypernetworks_mlps.0.layers.0.bias": (4,),
        "mask_decoder.iou_token.weight": (1, 4)}
    checkpoint = {k: mg.make_tensor(k, s, SEED) for k, s in shapes(32).items()}
    checkpoint["not.in.the.model"] = torch.zeros(3)
    fresh = {k: torch.full(s, -99.0) for k, s in shapes(8).items()}

    class Model:
        def state_dict(self):
            return dict(fresh)

    result = ref.build.load_from(Model(), dict(checkpoint), 128, 16)
    golden = mg.Golden(out, "small_interpolation.h5", {
        "checkpoint_image_size": np.int32(512), "target_image_size": np.int32(128),
        "global_attn_indexes": np.array(global_blocks, dtype=np.int32), "seed": np.uint64(SEED),
        "fresh_value": np.float32(-99.0)})
    for key, value in checkpoint.items():
        golden.put("checkpoint_512/" + key, value)
    for key, value in result.items():
        golden.put("after_load_from_128/" + key, value)
    golden.close()


def compact(path):
    """The same content with HDF5's denser bookkeeping."""
    with h5py.File(path, "r") as old, h5py.File(path + ".new", "w", libver=("v108", "v110")) as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        for key in old:
            old.copy(key, new)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goldens", required=True, help="make_goldens.py of the full set")
    parser.add_argument("--reference", required=True, help="checkout of OpenGVLab/SAM-Med2D")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    mg = load(args.goldens)
    os.makedirs(args.out, exist_ok=True)
    ref = mg.Reference(os.path.abspath(args.reference))
    for file_name in FILES:
        write_file(mg, ref, args.out, file_name)
    write_preprocess(mg, args.out)
    write_interpolation(mg, ref, args.out)
    for name in sorted(os.listdir(args.out)):
        compact(os.path.join(args.out, name))


if __name__ == "__main__":
    main()
