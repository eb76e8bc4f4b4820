"""Frames between two by an exported network, with NumPy and ONNX Runtime alone.

    cyclevfi export cc -o cc.onnx
    python onnx_interpolate.py cc.onnx FIRST.png SECOND.png OUT_FOLDER N

writes the two given frames as 0.png and N+1.png and the N new ones between them.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


def read(name: str) -> np.ndarray:
    "An image file as (1, 3, h, w), RGB in [0, 1]."
    img = cv2.imread(name)
    if img is None:
        sys.exit(f"not an image: {name}")
    return img[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255


def write(path: Path, img: np.ndarray) -> None:
    "Write (1, 3, h, w) as an image file."
    levels = (img[0].clip(0, 1) * 255 + 0.5).astype(np.uint8)
    cv2.imwrite(str(path), levels.transpose(1, 2, 0)[..., ::-1])


model, first, second, folder, count = sys.argv[1:6]
session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
img0, img1, out, n = read(first), read(second), Path(folder), int(count)
out.mkdir(parents=True, exist_ok=True)
write(out / "0.png", img0)
write(out / f"{n + 1}.png", img1)
for k in range(1, n + 1):
    t = np.array([k / (n + 1)], np.float32)
    write(out / f"{k}.png", session.run(None, {"img0": img0, "img1": img1, "t": t})[0])
