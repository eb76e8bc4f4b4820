"""How good the pictures are: every contestant on the same hidden frames, clip by clip.

    python benchmarks/quality.py DATA [--models cc ...] [--out quality.csv] [--sets NAME ...]
                                 [--most N] [--quick]

DATA holds folders of samples and clips (SETS below says which). Every score is appended to the CSV
as soon as it is known; the same command again goes on where it stopped, and prints the tables when
nothing is missing. "cc:raw" is a network's flow alone: both frames warped along the intermediate
flow before any correction, and blended evenly; "cc:even" its corrected flow, blended evenly;
"dis:fast" and "dis:ultrafast" are quicker ways of OpenCV.
Intervals are 95 % bootstrap intervals of the mean difference to `dis` over samples.
"""

import argparse
import csv
import sys
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap

from cyclevfi.baselines import dis_flow
from cyclevfi.evaluate import Cutting, Sample, Source, find_sources
from cyclevfi.metrics import score, to_tensor
from cyclevfi.model import VFIModel, bundled, create, load, settled
from cyclevfi.warping import time_like

FIELDS = ("set", "clip", "sample", "method", "t", "motion", "psnr", "ssim", "ie")
BINS = (0, 1, 2, 4, 8, 15, 30, float("inf"))  # px, of the motion between the two given frames
PARTS = ("raw", "even")  # of a network: its flow alone, its corrected flow alone
LEFT_OUT = ("Sports2D_demo*", "gpmf_parser_max_heromode*", "sam2_bedroom*",
            "sample_videos_car_detection*", "shared_assets_flower*")  # never trained on


@dataclass
class Set:
    "Clips, and how frames are hidden in them."

    folder: str  # under DATA
    cutting: Cutting
    clips: tuple[str, ...] = ("*",)  # patterns of their names
    protocol: str = "rounded"


SETS = {
    "ucf101-dev": Set("bench/ucf101-dev", Cutting(), protocol="reference"),
    "hfr-480-1": Set("hfr", Cutting(1, size=480, max_frames=61)),
    "hfr-480-3": Set("hfr", Cutting(3, size=480, max_frames=61)),
    "hfr-480-7": Set("hfr", Cutting(7, size=480, max_frames=61)),
    "hfr-full-1": Set("hfr", Cutting(1, step_size=12, max_frames=38)),
    "proxy-480-1": Set("slow_motion_proxy", Cutting(1, size=480, max_frames=61)),
    "proxy-full-1": Set("slow_motion_proxy", Cutting(1, step_size=12, max_frames=38)),
    "left-out-1": Set("train_hd", Cutting(1, step_size=6, max_frames=61), LEFT_OUT),
    "left-out-3": Set("train_hd", Cutting(3, step_size=12, max_frames=61), LEFT_OUT),
}


def motion_of(img0: torch.Tensor, img1: torch.Tensor) -> float:
    "How far things move, px: the 90th percentile of the length of the DIS flow."
    return float(dis_flow(img0, img1).norm(dim=1).quantile(0.9))


def contestant(name: str) -> VFIModel:
    "What draws the frames: a network, of which a part may be asked, or DIS of some speed."
    base, _, part = name.partition(":")
    if base == "dis" and part:
        return create("dis", preset=part)
    if part not in ("", *PARTS):
        raise ValueError(f"--models: {name}: a part is one of {', '.join(PARTS)}, not {part!r}")
    return load(base)


def draw(model: VFIModel, part: str, pair: tuple[torch.Tensor, ...], t: list[float]) -> list:
    "Frames of a network, or of a part of it."
    if part not in PARTS:
        return list(model.between(*pair, t)[0])
    motion, frames = model.motion(*pair), []
    for time in t:
        out, w = model.synthesize(*pair, motion, time), time_like(time, pair[0])
        flows = (out.raw_t0, out.raw_t1) if part == "raw" else (out.flow_t0, out.flow_t1)
        warped = [model.warp(img, flow) for img, flow in zip(pair, flows)]
        frames.append(settled((1 - w) * warped[0] + w * warped[1], *pair)[0])
    return frames


def score_sample(sample: Sample, methods: dict[str, VFIModel], protocol: str) -> list[dict]:
    "One row for each method and hidden frame."
    pair = tuple(to_tensor(sample.frames[i]) for i in (0, -1))
    motion, rows = motion_of(*pair), []
    for name, model in methods.items():
        frames = draw(model, name.partition(":")[2], pair, sample.times)
        for t, frame, truth in zip(sample.times, frames, sample.frames[1:-1]):
            s = score(frame, truth, protocol)
            rows.append(dict(sample=sample.name, method=name, t=round(t, 4), psnr=round(s.psnr, 4),
                             ssim=round(s.ssim, 5), ie=round(s.ie, 4), motion=round(motion, 2)))
    return rows


def sources_of(data: Path, name: str) -> list[Source]:
    "The clips of a set."
    spec = SETS[name]
    return [source for source in find_sources(data / spec.folder, spec.cutting)
            if any(fnmatch(Path(source.name).name, pattern) for pattern in spec.clips)]


def run(
    data: Path, chosen: list[str], methods: list[str], out: Path, most: int | None
) -> list[dict]:
    "Score what the CSV does not have yet."
    known = list(csv.DictReader(out.open())) if out.is_file() else []
    done = {(r["set"], r["sample"], r["method"]) for r in known}
    models = {name: contestant(name) for name in methods}
    with out.open("a", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        if not known:
            table.writeheader()
        for name in chosen:
            for source in sources_of(data, name):
                for sample in islice(source.read(), most):
                    need = {m: models[m] for m in methods if (name, sample.name, m) not in done}
                    if not need:
                        continue
                    for row in score_sample(sample, need, SETS[name].protocol):
                        row |= {"set": name, "clip": source.name}
                        table.writerow(row)
                        known.append({k: str(v) for k, v in row.items()})
                    file.flush()
                print(f"{name}: {source.name}", file=sys.stderr)
    return known


def per_sample(rows: list[dict], key: str = "psnr") -> dict[str, dict[str, float]]:
    "Mean of a score over the hidden frames of each sample: method -> sample -> value."
    values = defaultdict(lambda: defaultdict(list))
    for r in rows:
        values[r["method"]][f"{r['clip']}/{r['sample']}"].append(float(r[key]))
    return {m: {s: float(np.mean(v)) for s, v in by.items()} for m, by in values.items()}


def line(rows: list[dict], methods: list[str]) -> list[str]:
    "Scores of the methods on some rows, and the difference to DIS."
    scores, cells = per_sample(rows), []
    ssim, ie = per_sample(rows, "ssim"), per_sample(rows, "ie")
    for m in methods:
        mean = [float(np.mean(list(x[m].values()))) for x in (scores, ssim, ie)]
        text = f"{mean[0]:.2f} / {mean[1]:.4f} / {mean[2]:.2f}"
        if m != "dis" and "dis" in scores:
            gain = np.array([v - scores["dis"][s] for s, v in scores[m].items()])
            text += f" ({gain.mean():+.2f}"
            if len(gain) > 2 and gain.std() > 0:
                low, high = bootstrap((gain,), np.mean, rng=0).confidence_interval
                text += f" [{low:+.2f}, {high:+.2f}]"
            text += f", {100 * np.mean(gain > 0):.0f} %)"
        cells.append(text)
    return cells


def tables(rows: list[dict], chosen: list[str], methods: list[str]) -> str:
    "Markdown: all sets, then clip by clip, then by motion."
    wanted = [r for r in rows if r["method"] in methods]
    head = ["| | n |" + "".join(f" {m} |" for m in methods), "|---|---|" + "---|" * len(methods)]
    text = ["PSNR dB / SSIM / IE (mean gain over dis [95 % interval], share of samples above dis)",
            "", *head]

    def add(title: str, some: list[dict]) -> None:
        if some:
            n = len({(r["clip"], r["sample"]) for r in some})
            text.append(f"| {title} | {n} | " + " | ".join(line(some, methods)) + " |")

    for name in chosen:
        add(f"{name}, {SETS[name].protocol}", [r for r in wanted if r["set"] == name])
    text += ["", "By clip:", "", *head]
    for name in chosen:
        some = [r for r in wanted if r["set"] == name and not name.startswith("ucf")]
        for clip in sorted({r["clip"] for r in some}):
            add(f"{name} {clip}", [r for r in some if r["clip"] == clip])
    text += ["", "Sources left out of training, by motion between the given frames:", "", *head]
    some = [r for r in wanted if r["set"].startswith("left-out")]
    for low, high in zip(BINS, BINS[1:]):
        add(f"{low} to {high} px", [r for r in some if low <= float(r["motion"]) < high])
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["average", "dis", *bundled()])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS, metavar="SET")
    parser.add_argument("--out", type=Path, default=Path("quality.csv"))
    parser.add_argument("--most", type=int, help="at most so many samples of a clip, its first")
    parser.add_argument("--quick", action="store_true", help="two samples a clip, not full size")
    args = parser.parse_args()
    chosen = [s for s in args.sets if not (args.quick and "full" in s)]
    with torch.inference_mode():
        rows = run(args.data, chosen, args.models, args.out, 2 if args.quick else args.most)
    print(tables(rows, chosen, args.models))


if __name__ == "__main__":
    main()
