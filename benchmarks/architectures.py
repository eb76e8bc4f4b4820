"""Which network learns best from cycles at equal cost?

Every network gets the same clips, the same number of steps and, by its width, nearly the same
FLOPs per frame; cycle consistency alone, t = 1/2, one learning rate for all. Scored on UCF101
triplets and drawn as quality over the FLOPs spent. Stopped and started again it goes on.

    python benchmarks/architectures.py --train CLIPS --val OTHERS --bench ucf101-dev [--json OUT]
    python benchmarks/architectures.py --quick      # rendered clips, a minute, no meaning
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import matplotlib
import torch
from torch.utils.flop_counter import FlopCounterMode

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from cyclevfi.config import TrainConfig
from cyclevfi.evaluate import evaluate
from cyclevfi.losses import CycleObjective, LossWeights
from cyclevfi.model import create
from cyclevfi.sample import clip
from cyclevfi.train import run_curves, train

# widths such that a 256x256 pair costs about the same; see the column GFLOP of the table
NETWORKS = {
    "pyramid": {},
    "superslomo": {"width": 7},
    "dvf": {"width": 12},
    "sepconv": {"width": 8, "levels": 4, "kernel": 21},
}
TINY = {
    "pyramid": {"channels": 8, "hidden": 8, "keys": 4, "radius": 1},
    "superslomo": {"width": 2},
    "dvf": {"width": 4, "scales": 2},
    "sepconv": {"width": 4, "levels": 3, "kernel": 9},
}


@dataclass
class Row:
    "One line of the table."

    name: str
    value: float
    unit: str


def flops_of_pair(name: str, config: dict, size: int) -> float:
    "FLOPs of one frame between two, as torch counts them (products of matrices and convolutions)."
    pair = torch.rand(2, 1, 3, size, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        create(name, **config)(*pair, 0.5)
    return counter.get_total_flops()


def flops_of_step(name: str, config: dict, batch: int, size: int) -> float:
    "FLOPs of one training step, forward and backward."
    window = {"frames": torch.rand(batch, 3, 3, size, size), "t": torch.full((batch,), 0.5)}
    objective, net = CycleObjective(weights=LossWeights(vgg=0)), create(name, **config)
    with FlopCounterMode(display=False) as counter:
        objective(net, window).total.backward()
    return counter.get_total_flops()


def rendered(folder: Path) -> None:
    "A rendered clip, and triplets of another in the UCF101 layout."
    for i, frame in enumerate(clip(10, seed=1, size=(64, 96))):
        (folder / "train/a").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"train/a/{i:03d}.png"), frame[..., ::-1])
    film = clip(6, seed=2, size=(64, 96))
    for k in (0, 3):
        (folder / f"bench/{k}").mkdir(parents=True, exist_ok=True)
        for name, frame in zip(("frame_00", "frame_01_gt", "frame_02"), film[k : k + 3]):
            cv2.imwrite(str(folder / f"bench/{k}/{name}.png"), frame[..., ::-1])


def draw(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    "Validation PSNR over the FLOPs spent in training."
    plt.figure(figsize=(5, 3), dpi=80)
    for name, points in curves.items():
        plt.plot(*zip(*points), marker="o", label=name)
    plt.xlabel("TFLOP spent in training")
    plt.ylabel("PSNR of held-out clips (dB)")
    plt.legend()
    plt.tight_layout()
    plt.savefig(path)


def main(args: list[str] | None = None) -> int:
    "Train, score, print the table, draw the figure, write the rows."
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--quick", action="store_true", help="tiny networks on rendered clips")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--figure", type=Path, help="draw quality over FLOPs here")
    parser.add_argument("--train", nargs="+", help="clips to train on")
    parser.add_argument("--val", nargs="+", default=[], help="other clips, for the curves")
    parser.add_argument("--bench", type=Path, help="triplets in the UCF101 layout")
    parser.add_argument("--out", type=Path, help="folder of the runs; the same again goes on")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args(args)
    if not given.quick and not (given.train and given.bench):
        parser.error("give --train and --bench, or --quick")
    with tempfile.TemporaryDirectory() as tmp:
        size, batch, networks = (32, 2, TINY) if given.quick else (96, 2, NETWORKS)
        steps = 4 if given.quick else given.steps
        out, bench = given.out or Path(tmp) / "runs", given.bench
        if given.quick:
            rendered(Path(tmp))
            given.train, given.val = [f"{tmp}/train"], [f"{tmp}/train"]
            bench = Path(tmp) / "bench"
        rows, curves, folders = [], {}, {}
        for name, config in networks.items():
            cfg = TrainConfig(
                model=name, model_config=config, train=given.train, val=given.val, vgg_weight=0,
                crop_size=[size, size], crop_tries=3, num_interp=1, batch_size=batch, workers=1,
                lr=6e-4, schedule="cosine", warmup_steps=steps // 10, clip_norm=50, ema=0.99,
                max_steps=steps, val_every=max(1, steps // 5), val_windows=12, samples=0,
                save_every=max(1, steps // 20), log_every=max(1, steps // 30), keep=1,
                log_with="tensorboard", out=str(out), name=name,
            )
            folders[name] = str(train(cfg) / "model")
            step = flops_of_step(name, config, batch, size) / 1e12
            points = [r for r in run_curves(out / name) if r["metric"] == "val/psnr"]
            curves[name] = [(r["step"] * step, r["value"]) for r in points]
            weights = sum(p.numel() for p in create(name, **config).parameters())
            pair = flops_of_pair(name, config, 256) / 1e9
            rows += [Row(f"{name}: weights", weights, "1"),
                     Row(f"{name}: a 256x256 pair", pair, "GFLOP"),
                     Row(f"{name}: {steps} steps", step * steps, "TFLOP")]
        report = evaluate(bench, list(folders.values()), progress=False)
        for name, folder in (folders | {k: k for k in ("average", "dis")}).items():
            mean = report.mean(folder)
            rows += [Row(f"{name}: PSNR", mean.psnr, "dB"), Row(f"{name}: SSIM", mean.ssim, "1"),
                     Row(f"{name}: IE", mean.ie, "levels")]
    for row in rows:
        print(f"{row.name:40} {row.value:12.5g} {row.unit}")
    if given.figure:
        draw(curves, given.figure)
    if given.json:
        found = {"rows": [asdict(r) for r in rows], "curves": curves}
        given.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
