"""Which test tells cuts from motion, flashes and fades: six of them on the same clips.

    python benchmarks/cuts.py [--quick] [--json OUT] [--data DIR]

DIR holds videos without cuts (CYCLEVFI_DATA/train by default, and train_b beside it; without
either, rendered scenes, which are easier). Counted is how often each test calls something a cut:
neighbours, also with frames left out; joints of two clips; flashes, fades and cross-fades put in.
"""

import argparse
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from cyclevfi import sample
from cyclevfi.shots import Steps, around, find_cuts
from cyclevfi.video import open_video

SMALL = (64, 64)


def load(folders: list[Path], quick: bool) -> dict[str, np.ndarray]:
    "Thumbnails of all clips."
    files = [f for d in folders if d.is_dir() for f in sorted(d.glob("*.mp4"))]
    files = files[::8] if quick else files
    if not files:
        return {f"scene{s}_0": sample.clip(40, seed=s, size=SMALL) for s in range(8)}
    clips = {}
    for file in files:
        with open_video(file) as reader:
            frames = [cv2.resize(f.image, SMALL, interpolation=cv2.INTER_AREA) for f in reader]
        clips[file.stem] = np.stack(frames)
    return clips


def grey(img: np.ndarray) -> np.ndarray:
    "32x32 grey levels."
    levels = cv2.cvtColor(img, cv2.COLOR_RGB2GRAY)
    return cv2.resize(levels, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    "SSIM of two grey thumbnails."
    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return float(((2 * ma * mb + 6.5) * (2 * both + 58.5)
                  / ((ma * ma + mb * mb + 6.5) * (va + vb + 58.5))).mean())


def ours(frames: np.ndarray) -> np.ndarray:
    "The test of the library."
    steps = Steps()
    for img in frames:
        steps.add(img)
    return find_cuts(np.array(steps.rows))[1:]


def context_grey(frames: np.ndarray) -> np.ndarray:
    "Change of grey, against its neighbourhood."
    thumbs = [grey(f) for f in frames]
    diff = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(thumbs)])
    alike = np.array([np.corrcoef(a.ravel(), b.ravel())[0, 1] if a.std() and b.std() else 0
                      for a, b in itertools.pairwise(thumbs)])
    return (diff > 12) & (diff > 2.5 * (around(diff) + 1)) & (alike < 0.8)


def histogram(frames: np.ndarray) -> np.ndarray:
    "Colours that are not found again."
    codes = (frames >> 5).astype(np.int64) @ np.array([64, 8, 1])
    bins = [np.bincount(c.ravel(), minlength=512) / c.size for c in codes]
    new = np.array([np.abs(b - a).sum() / 2 for a, b in itertools.pairwise(bins)])
    return (new > 0.3) & (np.array([cv2.absdiff(a, b).mean() for a, b in
                                    itertools.pairwise(frames)]) > 15)


def hsv(frames: np.ndarray) -> np.ndarray:
    "Mean change of hue, saturation and value, as PySceneDetect's detectors use it."
    pictures = [cv2.cvtColor(f, cv2.COLOR_RGB2HSV).astype(np.int32) for f in frames]
    return np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)])


def adaptive(frames: np.ndarray) -> np.ndarray:
    "The same, against its neighbourhood."
    value = hsv(frames)
    return (value > 15) & (value > 3 * around(value, reach=2))


TESTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "this library": ours, "grey, neighbourhood": context_grey, "colours > 30 %": histogram,
    "hsv > 27": lambda frames: hsv(frames) > 27, "hsv, 3 x neighbourhood": adaptive,
    "SSIM < 0.2": lambda frames: np.array([similarity(a, b) < 0.2 for a, b in itertools.pairwise(
        [grey(f) for f in frames])])}


def film(name: str) -> str:
    "What a clip was cut from."
    return name.rsplit("_", 1)[0]


def effects(clip: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    "A clip with a flash, a fade or a cross-fade in it."
    base, out = clip[:30].astype(np.float32), {}
    for width in (1, 2, 3):
        flash = base.copy()
        flash[15 : 15 + width] = flash[15 : 15 + width] * 1.6 + 60
        out[f"flash {width}"] = flash
    weight = np.clip((np.arange(len(base)) - 9) / 12, 0, 1)[:, None, None, None]
    out["fade"] = base * (1 - weight)
    out["cross-fade"] = base * (1 - weight) + other[np.arange(len(base)) % len(other)] * weight
    return {k: v.clip(0, 255).astype(np.uint8) for k, v in out.items()}


def measure(clips: dict[str, np.ndarray], joints: int) -> dict[tuple[str, str], list[int]]:
    "(test, kind of change) -> how many were called a cut, of how many."
    found, rng, names = {}, np.random.default_rng(0), list(clips)

    def count(kind: str, frames: np.ndarray, at: int | None = None, each: bool = False) -> None:
        for test, cut in TESTS.items():
            seen, tally = cut(frames), found.setdefault((test, kind), [0, 0])
            tally[0] += int(seen.sum() if each else seen[at] if at is not None else seen.any())
            tally[1] += len(seen) if each else 1

    for step, name in itertools.product((1, 2, 4), names):
        for offset in range(step):
            if len(frames := clips[name][offset::step]) > 2:
                count(f"false, every {step}", frames, each=True)
    pairs = [p for p in itertools.permutations(names, 2)]
    for kind, step, same in (("other film", 1, False), ("same film", 1, True),
                             ("other film, every 4", 4, False)):
        fitting = [p for p in pairs if (film(p[0]) == film(p[1])) == same]
        for i in rng.permutation(len(fitting))[:joints]:
            a, b = (clips[n][::step] for n in fitting[i])
            a, b = a[-int(rng.integers(2, 8)) :], b[: int(rng.integers(2, 8))]
            if len(a) > 1 and len(b) > 1:
                count(kind, np.concatenate([a, b]), at=len(a) - 1)
    for name in (n for n in names if len(clips[n]) >= 30):
        for kind, frames in effects(clips[name], clips[names[rng.integers(len(names))]]).items():
            count(kind.split()[0], frames)
    return found


def main() -> None:
    "Measure, print, write."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    root = Path(os.environ.get("CYCLEVFI_DATA", "no data"))
    folders = [args.data] if args.data else [root / "train", root / "train_b"]
    found = measure(load(folders, args.quick), 100 if args.quick else 1000)
    kinds = list(dict.fromkeys(kind for _, kind in found))
    print(f"{'% called a cut':24}" + "".join(f"{kind:>21}" for kind in kinds))
    print(f"{'of':24}" + "".join(f"{found['this library', kind][1]:21}" for kind in kinds))
    for test in TESTS:
        shares = [100 * a / b for a, b in (found[test, kind] for kind in kinds)]
        print(f"{test:24}" + "".join(f"{share:21.2f}" for share in shares))
    if args.json:
        rows = [{"name": f"{test}: {kind}", "value": 100 * a / b, "unit": "%", "target": None,
                 "met": None} for (test, kind), (a, b) in found.items()]
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
