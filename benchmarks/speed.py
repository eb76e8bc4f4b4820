"""Speed of drawing frames: against the plain way, the machine's convolutions, and minterpolate.

    python benchmarks/speed.py [--quick] [--data DATA] [--threads 2] [--json OUT] [--dtype auto]

The plain way is fp32, contiguous, the whole network again for every moment, memory as the C library
manages it, threads that wait as by default. It runs in a process of its own, ours in another, one
at a time and in turns, five rounds; a ratio is one of medians. Weights of Super SloMo are random:
they cost the same. With DATA, a folder that holds `hfr` and `train`, the clips there are brought to
half their rate and back, by ours and by FFmpeg's minterpolate, and the hidden frames scored.
--quick takes small frames and two rounds. A target that names matrix units counts only where there
are some.

On a CUDA device there is another table, measured in one process: frames at 1080p and 480p against
the plain way there (in fp32, and with TF32 as PyTorch has it by default), with and without CUDA
graphs, against the rate of a bf16 matrix product, against the picture in 32 bits, and the memory
of a 4K pair.
"""

import argparse
import contextlib
import gc
import itertools
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from cyclevfi import sample  # isort: skip  # before PyTorch: it says how threads wait
import numpy as np
import torch
from memory import film, peak
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from training import Row, compare_rows, matrix_units, random_vgg, show

from cyclevfi.evaluate import shrink
from cyclevfi.fast import kept_memory
from cyclevfi.interpolate import interpolate
from cyclevfi.metrics import score
from cyclevfi.model import DEFAULT, create, load, pick_device
from cyclevfi.painting import (
    Painter,
    attempt,
    draw,
    make_painter,
    parse_memory,
    plan_drawing,
    plan_pairs,
    side_by_side,
    to_network,
)
from cyclevfi.video import VideoWriter, open_video

SIZE, FULL, LARGE = (480, 854), (1080, 1920), (2160, 3840)
CPU = torch.device("cpu")
MCI = "mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"
CLIPS = {"hfr": ("*",), "train": ("Sports2D_demo_0*", "gpmf_parser_max_heromode_00*",
                                  "sam2_bedroom_0*", "sample_videos_car_detection_00*",
                                  "shared_assets_flower*")}


def network(name: str):
    "`default`, or a Super SloMo of the paper's width."
    torch.manual_seed(0)
    return load(DEFAULT) if name == "default" else create("superslomo", width=32)


def wait(device: torch.device) -> None:
    "Until the device has done what it was given."
    if device.type == "cuda":
        torch.cuda.synchronize()


def timed(device: torch.device, work, *args, **kwargs) -> float:  # seconds
    "How long a call takes."
    wait(device)
    began = time.perf_counter()
    work(*args, **kwargs)
    wait(device)
    return time.perf_counter() - began


def side_by_side_drawn(painter: Painter, pairs: list, ts: list[float]) -> None:
    "Draw between the frames of all pairs, as `cyclevfi interpolate` does."
    with side_by_side(painter) as begin:
        for images in [begin(*pair, ts) for pair in pairs]:
            list(images)


class Contestant:
    "Draws `n` frames between two, in one of the two ways; lives in a process of its own."

    def __init__(self, ours: bool, dtype: str):
        self.ours, self.device, self.painters = ours, pick_device(), {}
        self.dtype = dtype if ours else "float32"

    def painter(self, name: str):
        "The network, ready."
        if name not in self.painters:
            net = network(name).to(self.device).eval()
            self.painters[name] = make_painter(net, str(self.device), self.dtype) if self.ours \
                else net
        return self.painters[name]

    def seconds(self, name: str, size: tuple[int, int], n: int) -> float:
        "For `n` frames between two; several pairs are drawn side by side where `interpolate` does."
        net, (img0, img1) = self.painter(name), sample.clip(2, seed=1, size=size, step=2.0)
        ts = [k / (n + 1) for k in range(1, n + 1)]
        if self.ours:
            plan_pairs(net, size, net.max_batch)
            count = 2 * net.pairs if net.pairs > 1 else 1
            return timed(self.device, side_by_side_drawn, net, [(img0, img1)] * count, ts) / count
        pair = [to_network(img, self.device) for img in (img0, img1)]
        with torch.no_grad():
            return timed(self.device, lambda: [net(*pair, t).frame for t in ts])

    def share(self, name: str, size: tuple[int, int]) -> tuple[float, float, float]:
        "Seconds of one frame, of its convolutions run alone, and operations of the frame."
        painter, seen = self.painter(name), []
        pair = [to_network(img, self.device) for img in sample.clip(2, seed=1, size=size)]
        cast = torch.autocast(self.device.type, painter.dtype,
                              enabled=painter.dtype != torch.float32)
        hooks = [m.register_forward_pre_hook(lambda m, x: seen.append((m, x[0].shape)))
                 for m in painter.model.modules() if isinstance(m, torch.nn.Conv2d)]
        with torch.no_grad(), cast, FlopCounterMode(display=False) as counter:
            painter.model(*pair, 0.5)
        for hook in hooks:
            hook.remove()
        exact = painter.dtype == torch.float32
        form = torch.contiguous_format if exact else torch.channels_last
        alone = 0.0
        with torch.no_grad():
            for conv, shape in seen:
                x, w, b = (v.to(painter.dtype) for v in (torch.rand(shape, device=self.device),
                                                         conv.weight, conv.bias))
                x, w = x.to(memory_format=form), w.to(memory_format=form)
                rest = conv.stride, conv.padding, conv.dilation
                alone += min(timed(self.device, F.conv2d, x, w, b, *rest) for _ in range(3))
            with cast:
                whole = min(timed(self.device, painter.model, *pair, 0.5) for _ in range(3))
        return whole, alone, counter.get_total_flops()


def serve(line, ours: bool, dtype: str, threads: int) -> None:
    "A process: does what comes through the line."
    torch.set_num_threads(threads)
    one = Contestant(ours, dtype)
    with kept_memory() if ours else contextlib.nullcontext():
        while (asked := line.recv()) is not None:
            line.send(getattr(one, asked[0])(*asked[1:]))


@contextlib.contextmanager
def usual_waiting():
    "What is started meanwhile has its threads wait as they do by default."
    ours = os.environ.get("GOMP_SPINCOUNT", "1000")  # not set where OMP_WAIT_POLICY is
    os.environ["GOMP_SPINCOUNT"] = "300000"
    try:
        yield
    finally:
        os.environ["GOMP_SPINCOUNT"] = ours


class Pair:
    "Both processes, asked one at a time."

    def __init__(self, dtype: str, threads: int):
        self.lines, spawn = {}, multiprocessing.get_context("spawn")
        for ours in (False, True):
            here, there = spawn.Pipe()
            one = spawn.Process(target=serve, args=(there, ours, dtype, threads), daemon=True)
            with contextlib.nullcontext() if ours else usual_waiting():
                one.start()
            self.lines[ours] = here

    def ask(self, ours: bool, *what):
        "What one of them says."
        self.lines[ours].send(what)
        return self.lines[ours].recv()

    def race(self, rounds: int, tasks: dict) -> dict[str, float]:  # median seconds
        "Each task is (ours?, network, size, n); all of them in turns."
        found = {name: [] for name in tasks}
        for i in range(rounds + 1):
            for name, (ours, *what) in tasks.items():
                seconds = self.ask(ours, "seconds", *what)
                if i:  # the first warms up
                    found[name].append(seconds)
        return {name: statistics.median(values) for name, values in found.items()}


def goal(name: str, value: float, least: float | None, unit: str = "x") -> Row:
    "A row with a target, or without one."
    return Row(name, value, unit, least, None if least is None else value >= least)


def drawing_rows(pair: Pair, size, rounds: int, units: bool) -> list[Row]:
    "Ours against the plain way."
    wide, own = "superslomo", "default"
    got = pair.race(rounds, {
        "plain": (False, wide, size, 1), "wide 1": (True, wide, size, 1),
        "wide 7": (True, wide, size, 7), "own 1": (True, own, size, 1),
        "own 7": (True, own, size, 7), "own plain": (False, own, size, 1)})
    at, plain = f"{size[1]}x{size[0]}", got["plain"]
    each = got["own 1"], got["own 7"] / 7
    return [
        Row(f"plain way, Super SloMo 32, {at}, a frame", plain, "s"),
        Row("the same, ours, N=1", got["wide 1"], "s"),
        Row("the same, ours, N=7", got["wide 7"] / 7, "s"),
        Row("default network, N=1, a frame", each[0], "s"),
        Row("default network, N=7, a frame", each[1], "s"),
        goal("Super SloMo 32, N=7, against the plain way", 7 * plain / got["wide 7"],
             12 if units else 2.5),
        goal("Super SloMo 32, N=1, against the plain way", plain / got["wide 1"],
             6 if units else None),
        goal("default network, N=1, against that plain way", plain / each[0], 13),
        goal("default network, N=7, against that plain way", plain / each[1], 28),
        goal("default network, N=1, against its own plain way", got["own plain"] / each[0], None),
    ]


def share_rows(pair: Pair, size) -> list[Row]:
    "How much of the time is convolution."
    rows = []
    for title, name, least in (("Super SloMo 32", "superslomo", 70), ("default", "default", None)):
        whole, alone, work = pair.ask(True, "share", name, size)
        rows += [Row(f"{title}: operations a second", work / whole / 1e9, "GFLOP/s"),
                 Row(f"{title}: its convolutions alone", work / alone / 1e9, "GFLOP/s"),
                 goal(f"{title}: share of that rate", 100 * alone / whole, least, "%")]
    return rows


def growth_rows(pair: Pair, size, rounds: int) -> list[Row]:
    "What twice as much costs; 2 is in proportion."
    h, w = size
    got = pair.race(rounds, {
        "once": (True, "default", (h, w), 4), "height": (True, "default", (2 * h, w), 4),
        "width": (True, "default", (h, 2 * w), 4), "frames": (True, "default", (h, w), 8)})
    return [Row(f"twice the {what}", got[what] / got["once"], "x")
            for what in ("height", "width", "frames")]


BUSY = """
import sys, time
from cyclevfi import sample
import torch
from cyclevfi.fast import kept_memory
from cyclevfi.painting import draw, make_painter
torch.set_num_threads(int(sys.argv[1]))
painter, pair = make_painter(sys.argv[2]), sample.clip(2, size=(1080, 1920))
with kept_memory():
    for _ in range(4):
        began = time.perf_counter()
        list(draw(painter, *pair, [0.5]))
        print(time.perf_counter() - began)
"""


def busy_rows(threads: int) -> list[Row]:
    "A frame of 1080p while other programs keep all cores busy, and how threads wait."
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(threads)]
    found = {}
    try:
        for looks in ("300000", "1000"):  # of a waiting thread: by default, as this package has it
            words = [sys.executable, "-c", BUSY, str(threads), DEFAULT]
            told = subprocess.run(words, env=os.environ | {"GOMP_SPINCOUNT": looks}, text=True,
                                  check=True, stdout=subprocess.PIPE).stdout
            found[looks] = statistics.median([float(t) for t in told.split()][1:])
    finally:
        for other in others:
            other.kill()
    usual, ours = found.values()
    return [Row(f"1080p, a frame beside {threads} busy programs, usual waiting", usual, "s"),
            Row("the same, ours", ours, "s"), Row("gain by how threads wait", usual / ours, "x")]


def minterpolate(source: Path, target: Path, rate, threads: int) -> None:
    "Twice the frames, by FFmpeg."
    count = ["-threads", str(threads), "-filter_threads", str(threads)]
    codec = ["-c:v", "ffv1"] if target.suffix == ".mkv" else ["-c:v", "libx264", "-crf", "18"]
    words = ["ffmpeg", "-v", "error", "-y", *count, "-i", source, "-an",
             "-vf", f"minterpolate=fps={rate}:{MCI}", *codec, target]
    subprocess.run(words, check=True)


def file_rows(folder: Path, size, rounds: int, threads: int) -> list[Row]:
    "A rendered clip, file to file, twice the rate; and what a longer clip costs."
    n = 13
    for name, count in (("one", n), ("two", 2 * n - 1)):
        with VideoWriter(folder / f"{name}.mp4", 24) as writer:
            for frame in sample.clip(count, size=size):
                writer.write(frame)
    ways, found, busy = {}, {}, []

    def ours(name: str) -> None:
        report = interpolate(folder / f"{name}.mp4", folder / "ours.mp4", progress=False)
        busy.append(report.stages["draw"] / sum(report.stages.values()))
        (folder / "ours.mp4").unlink()

    ways["ours"], ways["long"] = (lambda: ours("one")), (lambda: ours("two"))
    if shutil.which("ffmpeg"):
        ways["theirs"] = lambda: minterpolate(folder / "one.mp4", folder / "m.mp4", 48, threads)
    for i in range(rounds + 1):
        for name, way in ways.items():
            seconds = timed(CPU, way)
            found.setdefault(name, []).extend([seconds] * (i > 0))
    found = {name: statistics.median(values) for name, values in found.items()}
    at = f"{size[1]}x{size[0]}, {n} frames to {2 * n}"
    rows = [Row(f"file to file, {at}", found["ours"], "s"),
            goal("of it, time in which the network draws", 100 * statistics.median(busy), 90, "%"),
            Row("twice the length of the clip", found["long"] / found["ours"], "x")]
    if "theirs" in found:
        rows += [Row("the same by minterpolate", found["theirs"], "s"),
                 goal("minterpolate's time over ours", found["theirs"] / found["ours"], 1)]
    return rows


def halved(clip: Path, folder: Path, count: int) -> tuple[Path, dict, object]:
    "Every other frame as a lossless file, the hidden ones by their time in it, and the rate."
    with open_video(clip) as reader:
        rate = reader.info.fps
        frames = [shrink(f.image, 480) for f in itertools.islice(reader, count)]
    file, hidden = folder / "half.mkv", {}
    with VideoWriter(file, rate / 2, lossless=True) as writer:
        for i, frame in enumerate(frames[: (len(frames) - 1) // 2 * 2 + 1]):
            if i % 2:
                hidden[i / rate] = frame
            else:
                writer.write(frame)
    return file, hidden, rate


def psnr_of(file: Path, hidden: dict) -> float:
    "Mean PSNR of the hidden frames, found by their time."
    with open_video(file) as reader:
        made = {f.time: f.image for f in reader}
    scores = []
    for moment, truth in hidden.items():
        near = min(made, key=lambda t: abs(t - moment))
        scores.append(score(made[near], truth).psnr if made[near].shape == truth.shape else 0)
    return float(np.mean(scores))


def score_rows(data: Path, folder: Path, threads: int, count: int) -> list[Row]:
    "Hidden frames of real clips: ours and minterpolate."
    rows, better, spent = [], [], np.zeros(2)
    for group, patterns in CLIPS.items():
        for clip in sorted({p for pattern in patterns for p in (data / group).glob(pattern)}):
            file, hidden, rate = halved(clip, folder, count)
            ours, theirs = folder / "ours.mkv", folder / "theirs.mkv"
            spent += [timed(CPU, interpolate, file, ours, lossless=True, progress=False),
                      timed(CPU, minterpolate, file, theirs, rate, threads)]
            two = psnr_of(ours, hidden), psnr_of(theirs, hidden)
            better.append(two[0] > two[1])
            rows += [Row(f"{group}/{clip.stem}: {name}", value, "dB")
                     for name, value in zip(("ours", "minterpolate"), two)]
            ours.unlink()
    return rows + [goal("clips with a better PSNR than minterpolate's",
                        100 * float(np.mean(better)), 100, "%"),
                   Row("minterpolate's time over ours, all clips", spent[1] / spent[0], "x")]


def usual(device: torch.device, work, rounds: int) -> float:  # seconds
    "Median time of a call that is warm."
    for _ in range(2):
        work()
    return statistics.median(timed(device, work) for _ in range(rounds))


def moments(n: int) -> list[float]:
    "Times of `n` frames between two."
    return [k / (n + 1) for k in range(1, n + 1)]


def drawn(painter: Painter, clip, n: int) -> list[np.ndarray]:
    "The frames between two, from the processor's memory and back to it."
    return list(draw(painter, *clip, moments(n)))


def matrix_rate(device: torch.device, side: int, rounds: int) -> float:  # operations a second
    "Of bf16 matrix products."
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    return 10 * 2 * side**3 / usual(device, lambda: [a @ a for _ in range(10)], rounds)


def network_rate(painter: Painter, clip, n: int, rounds: int) -> float:  # operations a second
    "Of the network alone, its frames already on the device and left there."
    pair = [to_network(img, painter.device) for img in clip]
    exact = painter.dtype == torch.float32
    cast = torch.autocast(painter.device.type, painter.dtype, enabled=not exact)

    def work() -> None:
        attempt(painter, pair, [], moments(n))

    with torch.no_grad(), cast:
        seconds = usual(painter.device, work, rounds)
        painter.replayed.on = False  # what is replayed is not seen by the counter
        with FlopCounterMode(display=False) as counter:
            work()
    return counter.get_total_flops() / seconds


def plain_seconds(device: torch.device, clip, n: int, rounds: int, tf32: bool) -> float:
    "Seconds a frame of Super SloMo in the plain way, its frames on the device before and after."
    net, pair = network("superslomo").to(device).eval(), [to_network(img, device) for img in clip]
    torch.backends.cudnn.allow_tf32 = tf32
    with torch.no_grad():
        return usual(device, lambda: [net(*pair, t).frame for t in moments(n)], rounds) / n


def gpu_wide_rows(device: torch.device, size, rounds: int, side: int) -> list[Row]:
    "Super SloMo: the plain way and ours, and how much of the device's rate is used."
    n, clip = 7, sample.clip(2, seed=1, size=size, step=2.0)
    slow, slow10 = (plain_seconds(device, clip, n, rounds, tf32) for tf32 in (False, True))
    title, most = f"Super SloMo 32, {size[1]}x{size[0]}, N={n}", matrix_rate(device, side, rounds)
    rows = [Row(f"{title}: plain way, fp32, a frame", slow, "s"),
            Row(f"{title}: plain way, TF32 (PyTorch's default), a frame", slow10, "s"),
            Row(f"bf16 matrix product, side {side}", most / 1e12, "TFLOP/s")]
    for dtype, least, share in (("auto", 8, 25), ("bfloat16", None, None)):
        painter = make_painter(network("superslomo"), str(device), dtype)
        kind = str(painter.dtype).removeprefix("torch.")
        each = usual(device, partial(drawn, painter, clip, n), rounds) / n
        rate = network_rate(painter, clip, n, rounds)
        rows += [Row(f"{title}: ours, {kind}", 1 / each, "frames/s"),
                 goal(f"{title}: ours, {kind}, against fp32", slow / each, least),
                 Row(f"{title}: ours, {kind}, against TF32", slow10 / each, "x"),
                 Row(f"{title}: network alone, {kind}", rate / 1e12, "TFLOP/s"),
                 goal(f"{title}: share of that product, {kind}", 100 * rate / most, share, "%")]
    return rows


def exactness(device: torch.device, painter: Painter, clip) -> float:  # PSNR, dB
    "Of pictures with 16 bits a sample against those drawn in 32 bits, nothing replayed."
    exact = make_painter(network("default"), str(device), "float32")
    exact.replayed.on = False
    deep, levels = clip.astype(np.uint16) * 257, []
    for one in (exact, painter):
        levels.append(np.stack(drawn(one, deep, 7)) / 65535)
    return float(-10 * np.log10(np.square(levels[0] - levels[1]).mean() + 1e-12))


def gpu_default_rows(device: torch.device, size, rounds: int) -> list[Row]:
    "The default network: with and without CUDA graphs, and the same picture as in 32 bits."
    clip, rows = sample.clip(2, seed=1, size=size, step=2.0), []
    for n in (1, 7):
        title, times = f"default network, {size[1]}x{size[0]}, N={n}", []
        for replayed in (True, False):
            painter = make_painter(network("default"), str(device))
            painter.replayed.on = replayed
            work = partial(drawn, painter, clip, n)
            times.append(usual(device, work, rounds) / n)
            how = "with" if painter.replayed.kept else "without"
            rows.append(Row(f"{title}: {how} CUDA graphs", 1 / times[-1], "frames/s"))
        rows.append(goal(f"{title}: gain by CUDA graphs", times[1] / times[0], None))
    quick = make_painter(network("default"), str(device))
    rows.append(goal(f"default network, {size[1]}x{size[0]}: against 32 bits",
                     exactness(device, quick, clip), 50, "dB"))
    return rows


def gpu_memory_rows(device: torch.device, size, budget: str) -> list[Row]:
    "The most that tensors take while a large pair is drawn within a budget."
    painter, clip = make_painter(network("default"), str(device)), sample.clip(2, size=(540, 960))
    large = [np.kron(img, np.ones((size[0] // 540, size[1] // 960, 1), np.uint8)) for img in clip]
    gc.collect()
    torch.cuda.empty_cache()
    plan_drawing(painter, size, parse_memory(budget))
    torch.cuda.reset_peak_memory_stats()
    list(draw(painter, *large, [0.5]))
    most = torch.cuda.max_memory_allocated() / 2**30
    held = torch.cuda.max_memory_reserved() / 2**30
    title = f"GPU memory, a pair of {size[1]}x{size[0]}, budget {budget}"
    return [Row(f"{title}: tensors", most, "GiB", 4, most <= 4),
            Row(f"{title}: held by PyTorch", held, "GiB")]


def gpu_rows(device: torch.device, quick: bool) -> list[Row]:
    "All that is measured on a CUDA device, in this process."
    large, small, side, rounds = ((192, 320), (96, 160), 1024, 2) if quick else (
        FULL, SIZE, 8192, 5)
    rows = gpu_wide_rows(device, large, rounds, side)
    for size in (large, small):
        rows += gpu_default_rows(device, size, rounds)
    return rows + gpu_memory_rows(device, LARGE, "4GiB")


def cpu_rows(device: torch.device, given: argparse.Namespace, size, rounds: int) -> list[Row]:
    "Drawing against the plain way and the machine's convolutions, each in its own process."
    pair = Pair(given.dtype, given.threads)
    rows = drawing_rows(pair, size, rounds, matrix_units(device))
    rows += share_rows(pair, size)
    rows += growth_rows(pair, tuple(n // 2 for n in size), rounds)
    for line in pair.lines.values():
        line.send(None)
    return rows


def main(args: list[str] | None = None) -> int:
    "Measure, print the table, write the rows."
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--quick", action="store_true", help="small frames, two rounds")
    parser.add_argument("--data", type=Path, help="folder with hfr and train")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="auto", help="number format of ours")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args(args)
    torch.set_num_threads(given.threads)
    size, rounds = ((96, 160), 2) if given.quick else (SIZE, 5)
    device, ffmpeg = pick_device(), shutil.which("ffmpeg")
    if device.type == "cuda":
        rows = gpu_rows(device, given.quick)
    else:
        rows = cpu_rows(device, given, size, rounds)
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        if device.type != "cuda":
            rows += compare_rows("cc", 16, 64 if given.quick else 128, 4, rounds, device,
                                 random_vgg(folder), False)
        if device.type != "cuda" or ffmpeg:
            rows += file_rows(folder, size, rounds, given.threads)
        if device.type != "cuda" and not given.quick:
            value, _ = peak(film(folder / "4k.mkv", (2160, 3840), 2, 1), DEFAULT, "4GiB")
            rows.append(Row("peak memory, a 4K pair, budget 4 GiB", value, "GiB", 4, value <= 4))
            rows += busy_rows(given.threads)
        if given.data and ffmpeg:
            rows += score_rows(given.data, folder, given.threads, 9 if given.quick else 31)
    if given.quick:  # small frames say nothing of the targets
        rows = [replace(row, target=None, met=None) for row in rows]
    return show(rows, device, given.json)


if __name__ == "__main__":
    sys.exit(main())
