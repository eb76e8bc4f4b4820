"""Memory of an interpolation: peak of the whole process, against frame size and length of the clip.

    python benchmarks/memory.py [--quick] [--json OUT] [--model cc_motion] [--memory 4GiB]

Each figure is the peak resident memory of a process of its own that brings a clip to twice its
rate. The clips are rendered: most of their frames stand still (they are copied, so that encoder
and queues fill up at little cost), the last ones move and are drawn. Seams: a 1080p frame drawn
through windows against the same frame drawn at once. --quick takes smaller frames.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from training import Row

from cyclevfi import sample
from cyclevfi.model import DEFAULT, load
from cyclevfi.painting import Painter, draw, parse_memory
from cyclevfi.video import VideoWriter

RUN = """
import sys, resource
from pathlib import Path
from cyclevfi.interpolate import interpolate
source, target, model, memory = sys.argv[1:]
report = interpolate(source, target, model=model, memory=memory or None, device="cpu",
                     progress=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak *= 1 if sys.platform == "darwin" else 1024
if Path("/proc/self/status").exists():  # there the other counts what the parent had, too
    words = Path("/proc/self/status").read_text().split()
    peak = int(words[words.index("VmHWM:") + 1]) * 1024
print(peak, report.made, report.frames_out, round(report.stages["draw"], 1))
"""


def film(path: Path, size: tuple[int, int], still: int, moving: int) -> Path:
    "A clip that stands still, and then moves."
    small = sample.clip(moving + 1, size=(min(size[0], 540), min(size[1], 960)))
    frames = [cv2.resize(f, size[::-1], interpolation=cv2.INTER_CUBIC) for f in small]
    with VideoWriter(path, 24, crf=0) as writer:  # exact, so that what stands still does so
        for frame in [frames[0]] * still + frames[1:]:
            writer.write(frame)
    return path


def peak(source: Path, model: str, memory: str = "") -> tuple[float, str]:
    "GiB of a process that interpolates, and what it did."
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-c", RUN, source, Path(folder) / "out.mp4", model, memory]
        done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    size, made, out, seconds = done.stdout.split()
    return int(size) / 2**30, f"{made} of {out} frames drawn in {seconds} s"


def seams(model: str, size: tuple[int, int], side: int) -> float:
    "Share of the pixels that windows change by 1/255 or more, %."
    a, b = (f.astype(np.uint16) * 257 for f in sample.clip(2, size=size))
    net = load(model)
    whole, parts = (next(draw(Painter(net, side=s), a, b, [0.5])).astype(int) for s in (0, side))
    return float((np.abs(whole - parts).max(-1) >= 257).mean() * 100)


def measure(quick: bool, model: str, memory: str) -> list[Row]:
    "All rows."
    budget = parse_memory(memory) / 2**30
    sizes = {"1080p": (1080, 1920)} if quick else {"1080p": (1080, 1920), "4K": (2160, 3840)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in sizes.items():
            value, did = peak(film(Path(folder) / f"{name}.mkv", size, 20, 4), model, memory)
            title = f"{name}, budget {memory}: {did}"
            rows.append(Row(title, value, "GiB", budget, value <= budget))
        lengths = (32, 256) if quick else (32, 256, 1024)
        found = []
        for n in lengths:
            path = film(Path(folder) / f"{n}.mkv", (272, 480), n - 4, 4)
            found.append(peak(path, model)[0])
            rows.append(Row(f"480x272, {n} frames", found[-1], "GiB"))
        grown = (found[-1] - found[1 if len(found) > 2 else 0]) * 1024
        rows.append(Row("growth with length", grown, "MiB", 32, grown <= 32))
    size, side = ((270, 480), 256) if quick else ((1080, 1920), 1024)
    value = seams(model, size, side)
    title = f"seams, {size[1]}x{size[0]} in windows of {side}"
    rows.append(Row(title, value, "%", 0.1, value < 0.1))
    return rows


def main() -> None:
    "Measure, print, write."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--memory", default="4GiB")
    args = parser.parse_args()
    rows = measure(args.quick, args.model, args.memory)
    for row in rows:
        met = "" if row.target is None else f"  {'met' if row.met else 'NOT MET'}: {row.target:g}"
        print(f"{row.name:58}{row.value:8.3f} {row.unit}{met}")
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
