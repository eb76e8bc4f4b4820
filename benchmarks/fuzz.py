"""Broken files and odd commands, thousands of them: each must end in a result or in a clean error.

    python benchmarks/fuzz.py [--quick] [--cases 21000] [--seed 6] [--keep FOLDER] [--json OUT]

Small files of 32 kinds are made, then wounded (bits, bytes, sizes and counts set to extremes, cuts,
insertions, splices, wrong extensions), mostly near the front where the headers are. Of 21 cases 18
are read to their end, one is interpolated (model `average`), two are command lines drawn from real
and absurd words. A clean end is a result, or a ValueError, OSError or RuntimeError that names
the file; of a command line, status 0, 1 or 2 without a traceback; never a file half written, never
more than 2 GiB of memory (a process has a hard limit), never more than a minute. A case is fixed
by the seed and its number: `--only N` runs one again.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np

from cyclevfi.cli import main as command
from cyclevfi.interpolate import interpolate
from cyclevfi.reading import open_video
from cyclevfi.sample import clip
from cyclevfi.writing import write_frames

MEMORY = 2 << 30  # bytes in use
DATA = 3 << 30  # bytes reserved, a hard limit: PyTorch alone sets a gigabyte or more aside
PATIENCE = 60.0  # seconds for one case
EXTREMES = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CLEAN = (ValueError, OSError, RuntimeError)
MOVIES = {  # name: FFmpeg's encoder and pixel format
    "a.avi": ("mpeg4", "yuv420p"), "a.mpg": ("mpeg2video", "yuv420p"),
    "a.ts": ("libx264", "yuv420p"), "a.flv": ("flv", "yuv420p"),
    "a.mjpg.avi": ("mjpeg", "yuvj420p"), "a.nut": ("ffv1", "yuv444p"),
    "a.wmv": ("wmv2", "yuv420p"), "a.y4m": ("rawvideo", "yuv420p"),
    "a.264": ("libx264", "yuv420p"), "a.hevc": ("libx265", "yuv420p"),
    "a.mxf": ("mpeg2video", "yuv422p"),
    "a.frag.mp4": ("libx264", "yuv420p"), "a.prores.mov": ("prores_ks", "yuv422p10le")}
OURS = {"b.mp4": {}, "b.mkv": {}, "b.mov": {}, "b.webm": {}, "b.gif": {}, "b.png": {}, "b.webp": {},
        "b.hevc.mp4": {"codec": "hevc"}, "b.av1.webm": {"codec": "av1"},
        "b.vp9.mp4": {"codec": "vp9"}, "b.ffv1.mkv": {"codec": "ffv1"},
        "b.lossless.mp4": {"lossless": True}}
STILLS = (".jpg", ".bmp", ".tif", ".png", ".webp")


def movie(path: Path, codec: str, pix_fmt: str, frames: np.ndarray) -> None:
    "A small video with sound where the container likes that."
    options = {"movflags": "frag_keyframe+empty_moov"} if "frag" in path.name else {"strict": "-1"}
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    size = (frames.shape[2], frames.shape[1]) if path.suffix != ".mxf" else (720, 576)
    with av.open(str(path), "w", options=options) as out:
        v = out.add_stream(codec, rate=25, width=size[0], height=size[1], pix_fmt=pix_fmt,
                           options=quiet)
        sound = path.suffix in (".ts", ".mov", ".avi") or "frag" in path.name
        a = out.add_stream("mp2" if path.suffix != ".mp4" else "aac", rate=48000) if sound else None
        for img in frames:
            frame = av.VideoFrame.from_ndarray(img, "rgb24")
            out.mux(v.encode(frame.reformat(*size, format=pix_fmt)))
        out.mux(v.encode(None))
        if a is not None:
            context = a.codec_context
            for i in range(0, 5760, 1152 if context.name == "mp2" else 1024):
                wave = np.zeros((2, context.frame_size or 1152), np.float32)
                f = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
                f.sample_rate, f.pts = 48000, i
                for g in av.AudioResampler(context.format, context.layout, 48000).resample(f):
                    out.mux(a.encode(g))
            out.mux(a.encode(None))


def seeds(folder: Path) -> dict[str, bytes]:
    "One small healthy file of each kind."
    frames = clip(3, size=(32, 32))
    for name, (codec, pix_fmt) in MOVIES.items():
        try:
            movie(folder / name, codec, pix_fmt, frames)
        except (av.error.FFmpegError, ValueError) as error:
            print(f"without {name}: {error}", file=sys.stderr)
            (folder / name).unlink(missing_ok=True)
    for name, options in OURS.items():
        write_frames(folder / name, frames, 25, **options)
    for suffix in STILLS:
        cv2.imwrite(str(folder / f"c{suffix}"), frames[0])
    cv2.imwritemulti(str(folder / "d.tif"), list(frames))
    cv2.imwritemulti(str(folder / "e.tif"), [frame.astype(np.float32) / 255 for frame in frames])
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


def wounded(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    "One to eight wounds, mostly near the front."
    out = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = int(len(out) * dice.random() ** 3)
        kind = dice.choice(("bits", "bytes", "extreme", "extreme", "cut", "insert", "splice",
                            "end"))
        if kind == "bits" and out:
            out[min(at, len(out) - 1)] ^= 1 << dice.randrange(8)
        elif kind == "bytes":
            out[at : at + 4] = dice.randbytes(4)
        elif kind == "extreme":
            n = dice.choice((1, 2, 4, 8))
            value = dice.choice(EXTREMES) & ((1 << 8 * n) - 1)
            out[at : at + n] = value.to_bytes(n, dice.choice(("big", "little")))
        elif kind == "cut":
            del out[at : at + dice.randint(1, 64)]
        elif kind == "insert":
            out[at:at] = dice.randbytes(dice.randint(1, 16))
        elif kind == "splice" and dice.random() < 0.3:
            out[at:] = dice.choice(others)[at:]
        elif kind == "end" and dice.random() < 0.2:
            del out[at:]
    return bytes(out)


def victim(folder: Path, files: dict[str, bytes], dice: random.Random) -> Path:
    "A wounded file, sometimes under a wrong name."
    name = dice.choice(list(files))
    suffix = dice.choice(list(files)) if dice.random() < 0.1 else name
    path = folder / f"victim{Path(suffix).suffix}"
    path.write_bytes(wounded(files[name], dice, list(files.values())))
    return path


def read(path: Path, dice: random.Random) -> str:
    "Read to the end, at most 500 frames."
    with open_video(path, deep=dice.random() < 0.5, deinterlace=dice.random() < 0.1) as reader:
        for frame in reader:
            if frame.index == 500:
                break
    return "read"


def convert(path: Path, dice: random.Random) -> str:
    "Interpolate, and look at what came out."
    out = path.parent / "out" / dice.choice(("o.mp4", "o.mkv", "o.webm", "o.gif", "o"))
    out.parent.mkdir()
    try:
        report = interpolate(path, out, factor=2, model="average", progress=False)
        with open_video(out) as reader:
            n = sum(1 for _ in reader)
        if n != report.frames_out:
            raise AssertionError(f"{n} frames in the output, {report.frames_out} reported")
        return "made"
    except CLEAN:
        left = sorted(p.name for p in out.parent.iterdir())
        if [x for x in left if x == out.name or ".partial-" in x]:
            raise AssertionError(f"left behind: {left}") from None
        raise
    finally:
        shutil.rmtree(out.parent)


WORDS = ("--factor", "--fps", "--slow", "--model", "--last", "--cuts", "--cut-threshold", "--codec",
         "--crf", "--lossless", "--audio", "--device", "--dtype", "--max-batch", "--source-fps",
         "--deinterlace", "--no-progress", "--nonsense", "--", "-", "-x", "--help", "--pix-fmt",
         "--duplicates", "--memory", "--dry-run", "--preview", "--config", "--network")
VALUES = ("0", "1", "2", "3", "-1", "1.5", "nan", "inf", "1e9", "1/0", "24000/1001", "", " ",
          "auto", "repeat", "blend", "stretch", "off", "true", "false", "null", "cpu", "cuda:99",
          "float32", "float64", "h264", "hevc", "vp9", "rgb24", "{}", "[]", "'", '"', "\n",
          "\udcff", "\x00", "%s", "$(true)", "../..", "a" * 300, "yuv444p", "é", "１２")


def arguments(path: Path, files: dict[str, bytes], dice: random.Random) -> list[str]:
    "A command line that begins reasonably."
    folder = path.parent
    healthy = folder / "b.mp4"
    healthy.write_bytes(files["b.mp4"])
    things = [str(healthy), str(healthy), str(path), str(folder), "http://127.0.0.1:9/a.mp4",
              str(folder / "none.mp4"), str(folder / "out" / "o.mp4"), str(folder / "out" / "o")]
    argv = [dice.choice(("interpolate", "interpolate", "interpolate", "evaluate", "models"))]
    argv += [dice.choice(things), dice.choice(("-o", "-o", "-o", "--output", "")),
             str(folder / "out" / dice.choice(("o.mp4", "o.mkv", "o", "o.xyz")))]
    argv += ["--model", dice.choice(("average", "average", "average", "copy", "none", ""))]
    for _ in range(dice.randint(0, 4)):
        argv.insert(dice.randint(1, len(argv)), dice.choice(WORDS))
        if dice.random() < 0.7:
            argv.insert(dice.randint(1, len(argv)), dice.choice(VALUES))
    return argv


def order(path: Path, files: dict[str, bytes], dice: random.Random) -> str:
    "Run a command line in this process."
    argv, said = arguments(path, files, dice), io.StringIO()
    out = path.parent / "out"
    out.mkdir()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                status = command(argv)
            except SystemExit as end:
                status = end.code
        text = said.getvalue()
        if status not in (0, 1, 2, None) or "Traceback" in text or "(see --debug)" in text:
            raise AssertionError(f"{argv}: status {status}: {text[-2000:]}")
        if left := [p.name for p in out.rglob("*") if ".partial-" in p.name]:
            raise AssertionError(f"{argv}: left behind {left}")
        return f"status {status}"
    finally:
        shutil.rmtree(out, ignore_errors=True)


def one(number: int, seed: int, folder: Path, files: dict[str, bytes]) -> str:
    "Run a case; its outcome, or what is wrong, beginning with !"
    dice = random.Random(f"{seed} {number}")
    kind = {18: convert, 19: order, 20: order}.get(number % 21, read)
    path = victim(folder, files, dice)
    before = os.getcwd()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            end = order(path, files, dice) if kind is order else kind(path, dice)
        return f"{kind.__name__}: {end}"
    except CLEAN as error:
        if str(path) in str(error) or "output" in str(error):
            return f"{kind.__name__}: {type(error).__name__}"
        return f"! {kind.__name__} {path.name}: does not name the file: {error!r}"
    except BaseException as error:
        return f"! {kind.__name__} {path.name}: {error!r}"
    finally:
        os.chdir(before)


def work(numbers: list[int], seed: int, folder: str, files: dict[str, bytes], pipe: object) -> None:
    "A process that runs cases and tells of each."
    resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libpng and others print by themselves
    av.logging.set_level(None)
    for number in numbers:
        pipe.send((number, None, 0))
        end = one(number, seed, Path(folder), files)
        pipe.send((number, end, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    pipe.send((None, None, 0))


def watch(numbers: list[int], seed: int, files: dict[str, bytes]) -> tuple[dict[int, str], int]:
    "Run all cases, in a process that is replaced when it dies or hangs; outcomes, peak memory."
    ends, peak, todo, began = {}, 0, list(numbers), time.monotonic()
    while todo:
        with tempfile.TemporaryDirectory() as folder:
            here, there = multiprocessing.Pipe(False)
            worker = multiprocessing.get_context("spawn").Process(
                target=work, args=(todo, seed, folder, files, there))
            worker.start()
            there.close()
            current, wait = None, 120.0  # seconds to start
            why = "died"
            while True:
                try:
                    if not here.poll(wait):
                        why = f"still running after {wait:g} s"
                        break
                    number, end, memory = here.recv()
                except EOFError:
                    break
                current, wait, peak = number, PATIENCE, max(peak, memory * 1024)
                if number is None:
                    break
                if end is not None:
                    ends[number] = end
                    if len(ends) % 2000 == 0:
                        print(f"{len(ends)} cases, {time.monotonic() - began:.0f} s", flush=True)
            worker.kill()
            worker.join()
        if current is None:
            if not ends and number is not None:
                raise RuntimeError("the worker did not start")
            break
        if current not in ends:
            ends[current] = f"! {why}"
        todo = [n for n in todo if n not in ends]
    return ends, peak


def main() -> int:
    "Run, print, write."
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--quick", action="store_true", help="1,050 cases")
    ask.add_argument("--cases", type=int, default=21_000)
    ask.add_argument("--seed", type=int, default=6)
    ask.add_argument("--only", type=int, nargs="*", help="run these cases")
    ask.add_argument("--keep", type=Path, help="folder for the files of the cases that failed")
    ask.add_argument("--json", type=Path)
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = seeds(Path(folder))
    numbers = args.only or list(range(1050 if args.quick else args.cases))
    began = time.monotonic()
    ends, peak = watch(numbers, args.seed, files)
    bad = {n: end for n, end in ends.items() if end.startswith("!")}
    for end, count in sorted(Counter(e for e in ends.values() if not e.startswith("!")).items()):
        print(f"{count:7}  {end}")
    for number, end in bad.items():
        print(f"case {number}: {end}")
    print(f"{len(ends)} cases of {len(files)} kinds of files in {time.monotonic() - began:.0f} s,"
          f" {len(bad)} bad, peak {peak / 2**20:.0f} MiB (seed {args.seed})")
    if args.keep and bad:
        args.keep.mkdir(exist_ok=True)
        for number in bad:
            with tempfile.TemporaryDirectory() as folder:
                path = victim(Path(folder), files, random.Random(f"{args.seed} {number}"))
                shutil.copy(path, args.keep / f"case-{number}{path.suffix}")
    if args.json:
        rows = [{"name": "fuzz cases", "value": len(ends), "unit": "cases", "target": 20000,
                 "met": len(ends) >= 20000},
                {"name": "bad ends", "value": len(bad), "unit": "cases", "target": 0,
                 "met": not bad},
                {"name": "peak memory", "value": peak / 2**20, "unit": "MiB", "target": 2048,
                 "met": peak < MEMORY}]
        args.json.write_text(json.dumps(rows, indent=1))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
