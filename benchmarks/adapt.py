"""What adaptation gains, clip by clip: every other frame hidden, the network adapted to the rest.

    python benchmarks/adapt.py DATA [--out adapt.csv] [--model cc_motion] [--minutes 3] [--steps N]
                               [--parameters all] [--seeds 1234 ...] [--clips PATTERN ...] [--quick]

DATA holds `hfr`, `slow_motion_proxy` and `train` (of the last, only clips of sources that the
bundled networks have not seen, as their model card says). The first 61 frames of a clip are reduced
to a short side of 272 pixels; the even ones are adapted to and stay, ten of the odd ones, evenly
spread, are scored before and after (PSNR, protocol `rounded`, whole frames). Nothing of the odd
frames is read before the scoring. One line per clip and seed is appended to the CSV as soon as it
is known; the same command again goes on where it stopped, also within an adaptation.

`uneven` tells whether the hidden frames lie in the middle of their neighbours: the mean of
|a - b| / (a + b), a and b the motion (DIS) before and after the hidden frame. Where frames were
dropped by the camera they do not, and no frame drawn at the middle can be right.
"""

import argparse
import csv
import re
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import numpy as np

from cyclevfi import sample
from cyclevfi.adapt import adapt
from cyclevfi.baselines import dis_flow
from cyclevfi.evaluate import shrink
from cyclevfi.metrics import score, to_tensor
from cyclevfi.model import DEFAULT, VFIModel, load
from cyclevfi.video import open_video, write_frames

SETS = {"hfr": ("*",), "slow_motion_proxy": ("*",),
        "train": ("Sports2D_demo*", "gpmf_parser_max_heromode*", "sam2_bedroom*",
                  "sample_videos_car_detection*", "shared_assets_flower*")}
FRAMES, SHORT_SIDE, SCORED, UNEVEN = 61, 272, 10, 0.15


@dataclass
class Row:
    "One adaptation."

    clip: str
    model: str
    parameters: str
    budget: str  # minutes or steps
    seed: int
    uneven: float  # 0: hidden frames lie in the middle
    before: float  # PSNR of the hidden frames with the start, dB
    after: float  # with the adapted network
    held_before: float  # score without ground truth, dB
    held_after: float
    steps: int
    minutes: float  # by the clock
    cpu_minutes: float  # of all cores together

    @property
    def gain(self) -> float:
        "What adaptation gained, dB."
        return self.after - self.before


def read(path: Path) -> np.ndarray:
    "The first frames of a clip, without repeated ones, reduced."
    with open_video(path) as reader:
        frames = [shrink(f.image, SHORT_SIDE) for f in islice(reader, FRAMES)]
    moved = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, frames[1:])]
    usual = np.median(moved)
    kept = [frames[0], *(f for f, m in zip(frames[1:], moved) if m > 0.2 * usual)]
    return np.stack(kept[: (len(kept) - 1) // 2 * 2 + 1])


def hidden(frames: np.ndarray) -> list[int]:
    "The hidden frames that are scored."
    odd = range(1, len(frames), 2)
    return [odd[int(i)] for i in np.linspace(0, len(odd) - 1, min(SCORED, len(odd)))]


def psnr(net: VFIModel, frames: np.ndarray) -> float:
    "Mean PSNR of hidden frames, dB."
    values = []
    for i in hidden(frames):
        drawn = net.between(to_tensor(frames[i - 1]), to_tensor(frames[i + 1]), [0.5])[0]
        values.append(score(drawn, frames[i]).psnr)
    return float(np.mean(values))


def unevenness(frames: np.ndarray) -> float:
    "How far hidden frames are from the middle of their neighbours, 0 to 1."
    values = []
    for i in hidden(frames):
        flows = [dis_flow(to_tensor(frames[j]), to_tensor(frames[j + 1])) for j in (i - 1, i)]
        sizes = [f[0].norm(dim=0).numpy() for f in flows]
        moving = np.maximum(*sizes) >= max(0.5, np.quantile(np.maximum(*sizes), 0.9))
        if moving.any():
            a, b = (s[moving].mean() for s in sizes)
            values.append(abs(a - b) / (a + b))
    return float(np.mean(values)) if values else 0.0


def measure(name: str, frames: np.ndarray, args: argparse.Namespace, seed: int, work: Path) -> Row:
    "Adapt to the visible frames, score the hidden ones; what was begun in `work` goes on."
    visible, spent = work / "visible", work / "spent.txt"
    if not spent.exists():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_frames(visible, frames[::2], fps=30)
        spent.write_text("0 0")
    began, cpu = time.perf_counter(), time.process_time()
    try:
        report = adapt(visible, work / "out", args.model, args.minutes, args.steps,
                       args.parameters, seed)
    finally:
        took, used = map(float, spent.read_text().split())
        took, used = took + time.perf_counter() - began, used + time.process_time() - cpu
        spent.write_text(f"{took} {used}")
    before, after = (psnr(load(m), frames) for m in (args.model, report.output))
    row = Row(name, args.model, args.parameters, budget(args), seed, unevenness(frames), before,
              after, report.before, report.after, report.steps, took / 60, used / 60)
    shutil.rmtree(work)
    return row


def budget(args: argparse.Namespace) -> str:
    "The budget in words."
    return f"{args.steps} steps" if args.steps else f"{args.minutes or 'default'} minutes"


def clips(args: argparse.Namespace) -> dict[str, Path]:
    "The clips of the protocol."
    found = {f"{s}/{p.stem}": p for s, patterns in SETS.items()
             for p in sorted((args.data / s).glob("*.*"))
             if any(fnmatch(p.stem, x) for x in patterns)}
    return {k: p for k, p in found.items() if any(fnmatch(k, x) for x in args.clips)}


def rows_of(file: Path) -> list[Row]:
    "What was measured before."
    if not file.is_file():
        return []
    kinds = {f.name: f.type for f in fields(Row)}
    with open(file, newline="", encoding="utf-8") as text:
        return [Row(**{k: kinds[k](v) for k, v in r.items()}) for r in csv.DictReader(text)]


def append(file: Path, row: Row) -> None:
    "Add a line."
    fresh = not file.is_file()
    with open(file, "a", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, [f.name for f in fields(Row)])
        if fresh:
            writer.writeheader()
        values = asdict(row).items()
        writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in values})


def show(rows: list[Row]) -> None:
    "The table, and what it comes to."
    print(f"{'clip':48}{'uneven':>7}{'before':>8}{'after':>8}{'gain':>7}{'held out':>9}"
          f"{'min':>6}{'cpu':>6}")
    for r in rows:
        print(f"{r.clip[-47:]:48}{r.uneven:7.2f}{r.before:8.2f}{r.after:8.2f}{r.gain:+7.2f}"
              f"{r.held_after - r.held_before:+9.2f}{r.minutes:6.1f}{r.cpu_minutes:6.1f}")
    sources = defaultdict(list)
    for r in rows:
        sources[re.sub(r"_\d+$", "", r.clip)].append(r)
    for source, part in sources.items():
        before, after = (np.mean([getattr(r, k) for r in part]) for k in ("before", "after"))
        print(f"{source[-40:]:41}{len(part)} clips{before:15.2f}{after:8.2f}{after - before:+7.2f}")
    even = [r for r in rows if r.uneven < UNEVEN]
    for label, part in (("all", rows), (f"uneven < {UNEVEN}", even)):
        if part:
            gains = np.array([r.gain for r in part])
            print(f"{label}: {len(part)} runs, mean gain {gains.mean():+.2f} dB, smallest "
                  f"{gains.min():+.2f}, improved {np.mean(gains > 0):.0%}, worse by more than 0.05 "
                  f"dB {np.sum(gains < -0.05)}; {np.mean([r.minutes for r in part]):.1f} minutes, "
                  f"{np.mean([r.cpu_minutes for r in part]):.1f} of CPU")


def main() -> None:
    "Measure what is missing, then print all."
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=Path("adapt.csv"))
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--parameters", default="all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1234])
    parser.add_argument("--clips", nargs="+", default=["*"])
    parser.add_argument("--quick", action="store_true", help="a small rendered clip, few steps")
    args = parser.parse_args()
    if args.quick:
        args.steps, frames = args.steps or 6, sample.clip(17, size=(96, 160))
        with tempfile.TemporaryDirectory() as folder:
            return show([measure("rendered", frames, args, args.seeds[0], Path(folder) / "work")])
    if args.data is None or not clips(args):
        parser.error("DATA must hold hfr, slow_motion_proxy or train, and clips of the protocol")
    same = ("clip", "model", "parameters", "budget", "seed")
    for name, path in clips(args).items():
        for seed in args.seeds:
            key = (name, args.model, args.parameters, budget(args), seed)
            if any(tuple(getattr(r, k) for k in same) == key for r in rows_of(args.out)):
                continue
            work = Path(f"{args.out}.work") / "-".join(map(str, key)).replace("/", "-")
            append(args.out, measure(name, read(path), args, seed, work))
            print(name, f"{rows_of(args.out)[-1].gain:+.2f} dB", file=sys.stderr, flush=True)
    show([r for r in rows_of(args.out) if (r.model, r.parameters, r.budget) == key[1:4]])


if __name__ == "__main__":
    main()
