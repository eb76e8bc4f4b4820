"""Lettering that stands still over moving film: who tears it apart?

    python benchmarks/lettering.py DATA [--models dis cc_motion ...] [--out lettering.csv]

Lettering drawn by `cyclevfi.moving.random_lettering` is burnt into all frames of the five sources
that no bundled network was trained on (DATA/train_hd, three samples a clip, one frame hidden)
and of DATA/hfr at 480 lines; as it is, and through a JPEG encoder of quality 60. A line
of the CSV for each method and sample: `torn`, the share of the letters' pixels that are off by
more than 32 of 255 levels (mean of the three colours); `ie`, the root mean square error in the
letters, and `rest`, the same everywhere else, both in levels.
"""

import argparse
import csv
from collections import defaultdict
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from quality import SETS

from cyclevfi.augment import sample_generator
from cyclevfi.evaluate import find_sources
from cyclevfi.metrics import to_uint8
from cyclevfi.model import load
from cyclevfi.moving import compressed, random_lettering

FIELDS = ("set", "clip", "sample", "jpeg", "method", "torn", "ie", "rest")
TORN = 32  # levels
CHOSEN = ("hfr-480-1", "left-out-1")
QUALITY = 60


def lettered(frames: list[np.ndarray], seed: int) -> tuple[torch.Tensor, np.ndarray]:
    "Frames `(n, 3, h, w)` with lettering over them, in whole levels, and where it lies `(h, w)`."
    film = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2) / 255
    lines = random_lettering(frames[0].shape[:2], sample_generator(seed))
    over = film.lerp(lines[:3].expand_as(film), lines[3])
    return over.mul(255).round() / 255, lines[3].numpy() > 0.5


def rows_of(frames: torch.Tensor, where: np.ndarray, models: dict) -> list[dict]:
    "One line for each method."
    truth, rows = to_uint8(frames[1]), []
    for name, model in models.items():
        drawn = to_uint8(model.between(frames[:1], frames[2:], [0.5])[0, 0])
        off = drawn.astype(float) - truth
        ie, rest = (float(np.sqrt((off[some] ** 2).mean())) for some in (where, ~where))
        torn = float((np.abs(off).mean(2)[where] > TORN).mean())
        rows.append(dict(method=name, torn=round(torn, 5), ie=round(ie, 4), rest=round(rest, 4)))
    return rows


def run(data: Path, models: dict, most: int) -> list[dict]:
    "All samples of all clips."
    rows = []
    for name in CHOSEN:
        spec = SETS[name]
        for source in find_sources(data / spec.folder, spec.cutting):
            if not any(fnmatch(Path(source.name).name, p) for p in spec.clips):
                continue
            for sample in islice(source.read(), most):
                frames, where = lettered(sample.frames, len(rows))
                if not where.any():
                    continue
                for jpeg in (0, QUALITY):
                    seen = compressed(frames, jpeg) if jpeg else frames
                    some = dict(set=name, clip=source.name, sample=sample.name, jpeg=jpeg)
                    rows += [some | row for row in rows_of(seen, where, models)]
    return rows


def table(rows: list[dict]) -> str:
    "Markdown: means over samples, by set and compression."
    groups = defaultdict(list)
    for r in rows:
        groups[r["set"], r["jpeg"], r["method"]].append([r[k] for k in FIELDS[5:]])
    text = ["| set | JPEG | method | samples | torn, % | IE in letters | IE elsewhere |",
            "|---" * 7 + "|"]
    for (name, jpeg, method), found in groups.items():
        torn, ie, rest = np.mean(found, 0)
        text.append(f"| {name} | {jpeg or 'no'} | {method} | {len(found)} | {100 * torn:.2f} | "
                    f"{ie:.2f} | {rest:.2f} |")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["average", "dis", "cc", "cc_motion"])
    parser.add_argument("--most", type=int, default=3, help="samples of a clip, its first")
    parser.add_argument("--out", type=Path, default=Path("lettering.csv"))
    args = parser.parse_args()
    with torch.inference_mode():
        rows = run(args.data, {name: load(name) for name in args.models}, args.most)
    with args.out.open("w", newline="") as file:
        table_file = csv.DictWriter(file, FIELDS)
        table_file.writeheader()
        table_file.writerows(rows)
    print(table(rows))


if __name__ == "__main__":
    main()
