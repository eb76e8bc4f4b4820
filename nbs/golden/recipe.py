"""Deterministic test weights under the original's parameter names (see README.md beside this)."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

SMALL = {
    "forward_flow_conv.weight",
    "backward_flow_conv.weight",
    "flow_interp_forward_out_layer.weight",
    "flow_interp_backward_out_layer.weight",
    "flow_interp_vis_layer.weight",
}


def tensor(key: str, shape: list[int], seed_prefix: str = "") -> torch.Tensor:
    "The recipe's tensor for the parameter `key`."
    rng = np.random.default_rng(zlib.crc32((seed_prefix + key).encode()))
    x = rng.standard_normal(shape)
    x *= np.sqrt(2 / (1.01 * np.prod(shape[1:]))) if len(shape) == 4 else 0.01
    if key in SMALL:
        x *= 0.05
    return torch.tensor(x.astype(np.float32))


def state_dict(seed_prefix: str = "") -> dict[str, torch.Tensor]:
    "Weights of the whole network at width 32; `seed_prefix='teacher.'` gives the teacher's."
    shapes = json.loads((Path(__file__).parent / "reference_keys.json").read_text())
    return {key: tensor(key, shape, seed_prefix) for key, shape in shapes.items()}


def vgg_state_dict() -> dict[str, torch.Tensor]:
    "Stand-in VGG16 weights in torchvision's names, `features.0` to `features.21`."
    channels = [(0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256)]
    channels += [(12, 256, 256), (14, 256, 256), (17, 256, 512), (19, 512, 512), (21, 512, 512)]
    state = {}
    for n, cin, cout in channels:
        for kind, shape in (("weight", [cout, cin, 3, 3]), ("bias", [cout])):
            state[f"features.{n}.{kind}"] = tensor(f"vgg16_features.{n}.{kind}", shape)
    return state
