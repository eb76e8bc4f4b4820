"""What stands still, and what moves before it: lettering over film, small things, credits.

    python benchmarks/still.py DATA [--models dis cc_motion ...] [--out still.csv]

Three kinds of triplets, the middle frame hidden:

- `letters`: lettering drawn by `cyclevfi.moving.random_lettering`, at rest, burnt into the frames
  of the five sources that no bundled network was trained on (DATA/train_hd) and of DATA/hfr at
  480 lines, three samples a clip;
- `credits`: four lines of letters that move evenly, up or to the left, before a photograph that
  does not move at all, or before black;
- `things`: a disc that moves before such a photograph.

All as they are, and through a JPEG encoder of quality 60. A line of the CSV for each method and
triplet: `ie`, the root mean square error in 8-bit levels where the letters are at rest or where
anything changed, and `rest`, the same everywhere else.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, islice, product
from pathlib import Path

import cv2
import numpy as np
import torch
from quality import sources_of
from skimage import data

from cyclevfi.augment import sample_generator
from cyclevfi.metrics import to_uint8
from cyclevfi.model import load
from cyclevfi.moving import compressed, random_lettering

FIELDS = ("kind", "case", "triplet", "jpeg", "method", "ie", "rest")
CHOSEN = ("hfr-480-1", "left-out-1")
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
SIZE = (256, 448)
QUALITY = 60
Triplet = tuple[str, str, str, torch.Tensor, np.ndarray]  # kind, case, name, frames, where


def as_frames(frames: list[np.ndarray]) -> torch.Tensor:
    "`(n, 3, h, w)` in [0, 1]"
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2) / 255


def letters(folder: Path, most: int) -> Iterator[Triplet]:
    "Lettering at rest over film."
    seed = 0
    for name in CHOSEN:
        for source in sources_of(folder, name):
            for sample in islice(source.read(), most):
                look = random_lettering(sample.frames[0].shape[:2], sample_generator(seed)).look
                seed += 1
                over = as_frames(sample.frames) * (1 - look[3]) + look[:3]
                where = look[3].numpy() > 0.5
                if where.any():
                    yield "letters", name, sample.name, over, where


def moved(frames: list[np.ndarray]) -> tuple[torch.Tensor, np.ndarray]:
    "Frames, and where one differs from the next."
    steps = np.abs(np.diff(np.stack(frames).astype(int), axis=0)).max((0, 3))
    return as_frames(frames), steps > 8


def grounds() -> list[tuple[str, np.ndarray]]:
    "Photographs of one size."
    found = [(n, cv2.resize(getattr(data, n)(), SIZE[::-1], interpolation=cv2.INTER_AREA))
             for n in PHOTOS]
    return [*found, ("black", np.zeros((*SIZE, 3), np.uint8))]


def moving_letters() -> Iterator[Triplet]:
    "Letters that move before a ground at rest."
    page = np.zeros(SIZE, np.uint8)
    for i, line in enumerate(("Directed by", "Somebody Else", "the camera moves", "nothing stays")):
        cv2.putText(page, line, (60, 60 + 50 * i), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2, cv2.LINE_AA)
    for (name, ground), px, way in product(grounds(), (1, 2, 4, 8, 16), ((0, -1), (-1, 0))):
        frames = []
        for s in (-0.5, 0, 0.5):
            go = np.float32([[1, 0, s * px * way[0]], [0, 1, s * px * way[1]]])
            ink = cv2.warpAffine(page, go, SIZE[::-1])[..., None] / 255
            frames.append((ground * (1 - ink) + 255 * ink).round().astype(np.uint8))
        yield "credits", f"{px} px", f"{name} {'up' if way[1] else 'left'}", *moved(frames)


def things() -> Iterator[Triplet]:
    "A disc before a ground at rest."
    draw = np.random.default_rng(0)
    for (name, ground), radius, px in product(grounds()[:-1], (3, 6, 12), (4, 8, 16, 32)):
        x, y, angle = draw.uniform((60, 50, 0), (388, 206, 2 * np.pi))
        colour = draw.integers(0, 256, 3).tolist()
        frames = [ground.copy() for _ in range(3)]
        for s, frame in zip((-0.5, 0, 0.5), frames):
            at = (round(16 * (v + s * px * a)) for v, a in ((x, np.cos(angle)), (y, np.sin(angle))))
            cv2.circle(frame, tuple(at), 16 * radius, colour, -1, cv2.LINE_AA, 4)
        yield "things", f"{px} px", f"{name}, radius {radius}", *moved(frames)


def rows_of(triplet: Triplet, models: dict) -> Iterator[dict]:
    "One line for each method, with and without compression."
    *about, clean, where = triplet
    for jpeg in (0, QUALITY):
        frames = compressed(clean, jpeg) if jpeg else clean.mul(255).round() / 255
        truth = to_uint8(frames[1])
        for name, model in models.items():
            drawn = to_uint8(model.between(frames[:1], frames[2:], [0.5])[0, 0])
            off = np.square(drawn.astype(float) - truth)
            ie, rest = (round(float(np.sqrt(off[some].mean())), 4) for some in (where, ~where))
            yield dict(zip(FIELDS, (*about, jpeg, name, ie, rest)))


def table(rows: list[dict]) -> str:
    "Markdown: means over triplets, by kind, case and compression."
    groups, methods = defaultdict(list), list(dict.fromkeys(r["method"] for r in rows))
    for r in rows:
        groups[r["kind"], r["case"], r["jpeg"]].append(r)
    text = ["| | | JPEG | triplets | " + " | ".join(methods) + " |",
            "|---" * (4 + len(methods)) + "|"]
    for (kind, case, jpeg), some in groups.items():
        means = [np.mean([[r["ie"], r["rest"]] for r in some if r["method"] == m], 0)
                 for m in methods]
        cells = " | ".join(f"{ie:.2f}, {rest:.2f}" for ie, rest in means)
        text.append(f"| {kind} | {case} | {jpeg or 'no'} | {len(some) // len(methods)} | {cells} |")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["average", "dis", "cc", "cc_motion"])
    parser.add_argument("--most", type=int, default=3, help="samples of a clip, its first")
    parser.add_argument("--out", type=Path, default=Path("still.csv"))
    args = parser.parse_args()
    models = {name: load(name) for name in args.models}
    with torch.inference_mode():
        triplets = chain(letters(args.data, args.most), moving_letters(), things())
        rows = [row for triplet in triplets for row in rows_of(triplet, models)]
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    print(table(rows))


if __name__ == "__main__":
    main()
