"""Draw the README's pictures: `python scripts/picture.py [MODEL]`.

The animation: the built-in clip as it is, and six times slower by the network. The still: what
`cyclevfi demo` finds on the same clip.
"""
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from cyclevfi.demo import demo, tensors
from cyclevfi.metrics import to_uint8
from cyclevfi.model import DEFAULT, load
from cyclevfi.sample import clip
from cyclevfi.views import grid

ASSETS = Path(__file__).resolve().parents[1] / "nbs" / "assets"
LARGEST = {"demo.jpg": 300_000, "slow.webp": 900_000}  # bytes
SLOW, GIVEN, RATE = 6, 7, 18  # times slower; frames of the clip; pictures a second


def still(*model: str) -> None:
    """Run the demo on the built-in clip and keep its picture as a JPEG."""
    with tempfile.TemporaryDirectory() as folder:
        report = demo(None, folder, *model)
        picture = cv2.imread(str(report.picture))
    print(report)
    for quality in range(90, 0, -5):
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= LARGEST["demo.jpg"]:
            break
    (ASSETS / "demo.jpg").write_bytes(data.tobytes())


def animation(model: str = DEFAULT) -> None:
    """The clip, each frame held, beside the frames that the network makes between them."""
    frames, network, shown = clip(GIVEN, size=(184, 320), step=2.0), load(model), []
    for a, b in zip(frames, frames[1:]):
        made = network.between(*tensors(network, a, b), [k / SLOW for k in range(1, SLOW)])[0]
        for slow in (a, *(to_uint8(m) for m in made)):
            shown.append(grid([(a, "filmed: 3 frames a second"), (slow, f"made by {model}: 18")]))
    images = [Image.fromarray(np.ascontiguousarray(p)) for p in shown + shown[-2:0:-1]]
    path = ASSETS / "slow.webp"
    for quality in range(75, 0, -15):
        images[0].save(path, save_all=True, append_images=images[1:], quality=quality, method=4,
                       duration=round(1000 / RATE), loop=0)
        if path.stat().st_size <= LARGEST["slow.webp"]:
            break
    print(f"{path.name}: {path.stat().st_size // 1000} kB, quality {quality}")


if __name__ == "__main__":
    animation(*sys.argv[1:2])
    still(*sys.argv[1:2])
