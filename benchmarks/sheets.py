"""Where one method is better than another, and where worse: the extremes as sheets of pictures.

    python benchmarks/sheets.py DATA quality.csv [--model cc_motion] [--against dis]
                                [--sets NAME ...] [--count 10] [--out sheets]

quality.csv is what `benchmarks/quality.py DATA` wrote. Of each set the samples with the largest and
the smallest gain in PSNR are drawn again, one row a sample: both given frames averaged, the truth,
the two methods, and the errors of the two (times four). Written as SET-best.png and SET-worst.png.
"""

import argparse
import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from quality import SETS, per_sample

from cyclevfi.evaluate import Sample, find_sources
from cyclevfi.metrics import to_tensor
from cyclevfi.model import DEFAULT, load


def ranked(rows: list[dict], model: str, against: str) -> list[tuple[float, str, str]]:
    "Gain, clip and sample, the smallest gain first."
    scores = {m: per_sample([r for r in rows if r["method"] == m]).get(m) for m in (model, against)}
    if missing := [m for m, s in scores.items() if not s]:
        raise SystemExit(f"no rows of {', '.join(missing)}: run benchmarks/quality.py with them")
    names = {f"{r['clip']}/{r['sample']}": (r["clip"], r["sample"]) for r in rows}
    both = scores[model].keys() & scores[against].keys()
    return sorted((scores[model][s] - scores[against][s], *names[s]) for s in both)


def find(folder: Path, name: str, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Sample]:
    "The samples wanted of a set."
    found = {}
    for source in find_sources(folder / SETS[name].folder, SETS[name].cutting):
        need = {sample for clip, sample in wanted if clip == source.name}
        for sample in source.read() if need else ():
            if sample.name in need:
                found[source.name, sample.name] = sample
    return found


def pictures(sample: Sample, models: tuple[str, str]) -> dict[str, np.ndarray]:
    "One row of a sheet: the frame at the moment nearest to the middle."
    k = int(np.abs(np.array(sample.times) - 0.5).argmin())
    pair = [to_tensor(sample.frames[i]) for i in (0, -1)]
    truth = to_tensor(sample.frames[k + 1])
    row = {"average of both": sum(pair) / 2, "truth": truth}
    row |= {m: load(m).between(*pair, [sample.times[k]])[0] for m in models}
    row |= {f"error of {m}, x4": ((row[m] - truth).abs() * 4).clamp(max=1) for m in models}
    return {title: img[0].permute(1, 2, 0).numpy() for title, img in row.items()}


def sheet(chosen: list[tuple], samples: dict, models: tuple[str, str], path: Path) -> None:
    "Draw one sheet."
    rows = [pictures(samples[clip, sample], models) for _, clip, sample in chosen]
    h, w = next(iter(rows[0].values())).shape[:2]
    size = (12, len(rows) * 12 / len(rows[0]) * h / w + 0.5)
    fig, axes = plt.subplots(len(rows), len(rows[0]), figsize=size, dpi=120, squeeze=False)
    for ax, title in zip(axes[0], rows[0]):
        ax.set_title(title, fontsize=8)
    for line, row, (gain, _, sample) in zip(axes, rows, chosen):
        for ax, img in zip(line, row.values()):
            ax.imshow(img)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(f"{sample[-18:]}\n{gain:+.2f} dB", fontsize=6)
    fig.tight_layout(pad=0.3)
    fig.savefig(path)
    plt.close(fig)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("scores", type=Path, help="CSV of benchmarks/quality.py")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--against", default="dis")
    parser.add_argument("--sets", nargs="+", default=["ucf101-dev", "hfr-480-1"], choices=SETS)
    parser.add_argument("--count", type=int, default=10, help="samples on a sheet")
    parser.add_argument("--out", type=Path, default=Path("sheets"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.scores, newline="") as file:
        known = list(csv.DictReader(file))
    for name in args.sets:
        order = ranked([r for r in known if r["set"] == name], args.model, args.against)
        for kind, chosen in (("best", order[::-1]), ("worst", order)):
            chosen = chosen[: args.count]
            samples = find(args.data, name, {c[1:] for c in chosen})
            with torch.inference_mode():
                sheet(chosen, samples, (args.against, args.model), args.out / f"{name}-{kind}.png")


if __name__ == "__main__":
    sys.exit(main())
