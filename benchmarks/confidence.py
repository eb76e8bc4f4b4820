"""How well the expected error predicts the true one: on frames that are known, but were hidden.

    python benchmarks/confidence.py DATA [--out confidence.csv] [--figure confidence.png]
                                    [--model cc_motion] [--moments 8] [--quick]

The clips, their reduction and what is hidden are those of `benchmarks/adapt.py`. Of each clip some
moments are questioned, evenly spread in runs of four; the network's new frame at each is compared
with the hidden one. Rank correlations (Spearman) are over frames of all clips together, over the
means of clips, and within clips (mean over clips); and over places in a frame: blocks of 8 pixels,
errors blurred over 17. Appends to the CSV clip by clip, and goes on where it stopped.
"""

import argparse
import csv
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from adapt import clips, read
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from cyclevfi import sample
from cyclevfi.confidence import APART, CYCLE, decibels, moments, squared
from cyclevfi.metrics import to_tensor
from cyclevfi.model import DEFAULT, VFIModel, load
from cyclevfi.shots import Seen
from cyclevfi.video import Frame

FIELDS = ("clip", "index", "true", "expected", "apart", "cycle", "held", "places")
LABELS = {"expected": "both", "apart": "witnesses apart", "cycle": "cycle", "held": "held out"}


def blocks(square: np.ndarray) -> np.ndarray:
    "A blurred error at every eighth pixel."
    return cv2.blur(square, (17, 17))[::8, ::8].ravel()


def question(name: str, frames: np.ndarray, net: VFIModel, count: int) -> list[dict]:
    "The moments of one clip, with the truth."
    visible, rows = frames[::2], []
    runs = max(1, count // 4)
    for begin in np.linspace(0, max(0, len(visible) - 7), runs).astype(int):
        shown = [Seen(Frame(x, Fraction(i), Fraction(1), int(begin) + i))
                 for i, x in enumerate(visible[begin : begin + 7])]
        for m in list(moments(net, shown))[1:-1]:
            error = squared(m.drawn, to_tensor(frames[2 * m.index + 1]))[0, 0].numpy()
            said = {"apart": None if m.apart is None else APART * m.apart.mean().item(),
                    "cycle": CYCLE * float(np.mean([c.mean().item() for c in m.cycles])),
                    "held": float(np.mean(m.held))}
            places = spearmanr(blocks(m.error[0, 0].numpy()), blocks(error)).statistic
            rows.append({"clip": name, "index": m.index, "true": decibels(float(error.mean())),
                         "expected": m.expected, "places": places,
                         **{k: decibels(v) if v is not None else np.nan for k, v in said.items()}})
    return rows


def show(rows: list[dict]) -> None:
    "The correlations."
    names = np.array([r["clip"] for r in rows])
    true = np.array([r["true"] for r in rows])
    print(f"{len(rows)} frames of {len(set(names))} clips")
    print(f"{'':18}{'frames':>8}{'clips':>8}{'within':>8}{'offset':>8}{'spread':>8}")
    for key, label in LABELS.items():
        said = np.array([r[key] for r in rows])
        groups = [names == n for n in dict.fromkeys(names)]
        means = [(said[g].mean(), true[g].mean()) for g in groups]
        within = [spearmanr(said[g], true[g]).statistic for g in groups if g.sum() > 3]
        print(f"{label:18}{spearmanr(said, true).statistic:8.3f}"
              f"{spearmanr(*zip(*means)).statistic if len(means) > 2 else np.nan:8.3f}"
              f"{np.nanmean(within):8.3f}{(true - said).mean():8.2f}{(true - said).std():8.2f}")
    print(f"places in a frame {np.nanmean([r['places'] for r in rows]):8.3f}")


def draw(rows: list[dict], file: Path) -> None:
    "Said against true, one point a frame."
    figure = Figure(figsize=(9, 2.7), dpi=90, layout="tight")
    names = list(dict.fromkeys(r["clip"] for r in rows))
    for axes, (key, label) in zip(figure.subplots(1, 4, sharey=True), LABELS.items()):
        axes.scatter([r[key] for r in rows], [r["true"] for r in rows], 8,
                     [names.index(r["clip"]) for r in rows], cmap="tab20")
        axes.axline((35, 35), slope=1, color="0.7", zorder=0)
        axes.set(xlabel=f"{label}, dB", ylabel="true PSNR, dB" if key == "expected" else "")
    figure.savefig(file)


def main() -> None:
    "Measure what is missing, then print all."
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=Path("confidence.csv"))
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--clips", nargs="+", default=["*"])
    parser.add_argument("--quick", action="store_true", help="a rendered clip only")
    args = parser.parse_args()
    net = load(args.model)
    if args.quick:
        return show(question("rendered", sample.clip(17, size=(128, 224)), net, 4))
    if args.data is None or not clips(args):
        parser.error("DATA must hold hfr, slow_motion_proxy or train, and clips of the protocol")
    fresh = not args.out.is_file()
    with open(args.out, "a+", newline="", encoding="utf-8") as text:
        text.seek(0)
        done = {r["clip"] for r in csv.DictReader(text)}
        writer = csv.DictWriter(text, FIELDS)
        if fresh:
            writer.writeheader()
        for name, path in clips(args).items():
            if name not in done:
                writer.writerows(question(name, read(path), net, args.moments))
                text.flush()
        text.seek(0)
        rows = [{k: v if k == "clip" else float(v) for k, v in r.items()}
                for r in csv.DictReader(text)]
    show(rows)
    if args.figure:
        draw(rows, args.figure)


if __name__ == "__main__":
    main()
