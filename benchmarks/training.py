"""Speed of training: the loader alone, the whole step, and the step against a plain one.

    python benchmarks/training.py [--quick] [--json OUT] [--data SHARDS] [--compile]

Trains the paper's network with the recipe cc (crop 384, batch 2) on rendered 480p clips, prepared
as JPEG shards, with the default number of loader workers; --quick takes a narrow network and small
crops, which shows that it runs but says little. VGG weights are random: they cost the same.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from cyclevfi import model as networks  # isort: skip  # before PyTorch: it says how threads wait
import cv2
import torch

from cyclevfi.config import TrainConfig
from cyclevfi.fast import pick_dtype
from cyclevfi.losses import (
    CycleObjective,
    SupervisedObjective,
    VGGFeatures,
    l1,
    smoothness,
    two_way,
    vgg_layers,
)
from cyclevfi.prepare import prepare
from cyclevfi.sample import clip
from cyclevfi.train import batches_of, run_curves, setup, train


@dataclass
class Row:
    "One claim: what was measured, and whether it is what was wanted."

    name: str
    value: float
    unit: str
    target: float | None = None
    met: bool | None = None


def matrix_units(device: torch.device) -> bool:
    "Has the device units for bf16 matrix products? (Emulation does not count.)"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = Path("/proc/cpuinfo")
    return device.type == "cpu" and flags.is_file() and "amx_bf16" in flags.read_text()


def quick_bf16(device: torch.device) -> bool:
    "Is bf16 quicker than fp32, with or without matrix units?"
    return matrix_units(device) or pick_dtype("auto", device) == torch.bfloat16


def shards(folder: Path, quick: bool) -> str:
    "Rendered 480p clips, prepared."
    for seed in range(2):
        (folder / f"clips/{seed}").mkdir(parents=True)
        for i, frame in enumerate(clip(8 if quick else 24, seed=seed, size=(480, 854))):
            cv2.imwrite(str(folder / f"clips/{seed}/{i:03d}.png"), frame[..., ::-1])
    prepare([str(folder / "clips")], str(folder / "shards"), cuts=False, duplicates=False)
    return str(folder / "shards")


def random_vgg(folder: Path) -> Path:
    "A file of VGG16 features with random weights."
    torch.manual_seed(1)
    state = {f"features.{k}": v for k, v in vgg_layers().state_dict().items()}
    torch.save(state, folder / "vgg.pth")
    return folder / "vgg.pth"


def loader_rows(cfg: TrainConfig) -> list[Row]:
    "Windows per second of the loader alone, once its workers run."
    run = setup(replace(cfg, name="loader", max_steps=-1))
    batches = batches_of(run)
    for _ in range(max(cfg.workers, 1) * 2):
        next(batches)
    n = 12 if cfg.crop_size[0] < 200 else 60
    start = time.perf_counter()
    for _ in islice(batches, n):
        pass
    rate = n * cfg.batch_size / (time.perf_counter() - start)
    batches.close()  # its workers must not run beside what is timed next
    cores = len(os.sched_getaffinity(0))
    return [Row(f"loader alone, {cfg.workers} workers", rate, "windows/s"),
            Row("loader alone, per core", rate / cores, "windows/s")]


def step_rows(cfg: TrainConfig) -> list[Row]:
    "Windows per second of the whole loop, and the share of it spent waiting for data."
    folder = train(replace(cfg, name="steps"))
    curves = {}
    for row in run_curves(folder):
        curves.setdefault(row["metric"], []).append(row["value"])
    # the first line holds the start of the workers and of the device
    names = ("windows_per_second", "data_wait")
    rate, wait = (statistics.mean(curves[f"train/{k}"][1:]) for k in names)
    return [Row("whole step", rate, "windows/s"),
            Row("share of the step waiting for data", 100 * wait, "%", 5.0, 100 * wait < 5)]


def naive_loss(model, teacher, weights, vgg, window):
    "CC or CC+PS as the original computes it: call by call, a teacher's losses for nothing."
    img0, img1, img2 = window["frames"].unbind(1)
    t = window["t"]
    supervised = SupervisedObjective(weights, vgg)
    outs, motions, loss = [], [], 0.0
    for a, b in ((img0, img1), (img1, img2)):
        motion = model.motion(a, b)
        outs.append(model.synthesize(a, b, motion, t).frame)
        motions.append((a, b, motion))
        if teacher is not None:
            with torch.no_grad():  # its frame is used; VGG twice and all its losses are not
                pseudo = supervised(teacher, {"frames": torch.stack([a, a, b], 1), "t": t}).frame
            loss = loss + weights.teacher * l1(outs[-1], pseudo)
    inner = model.motion(*outs)
    out = model.synthesize(*outs, inner, 1 - t)
    loss = loss + weights.pixel * l1(out.frame, img1)
    loss = loss + weights.vgg * (vgg(out.frame) - vgg(img1)).square().mean()
    for a, b, motion in (*motions, (*outs, inner)):
        loss = loss + weights.warp * two_way(model, a, b, motion)
        loss = loss + weights.smooth * (smoothness(motion.flow01) + smoothness(motion.flow10))
    for frame, flow in zip(outs, (out.raw_t0, out.raw_t1)):
        loss = loss + weights.warp * l1(model.warp(frame, flow), img1)
    return loss


def gradient(model) -> torch.Tensor:
    "All gradients as one vector."
    return torch.cat([p.grad.detach().flatten().double() for p in model.parameters()])


def compare_rows(objective, width, crop, batch, rounds, device, file, compiled) -> list[Row]:
    "Our step of `cc` or `cc_ps` against the naive one, in turns, and their gradients."
    torch.manual_seed(0)
    config = {"width": width, "flow_scale": 2.0}
    plain, ours, teacher, fast_teacher = (networks.create("superslomo", **config).to(device)
                                          for _ in range(4))
    ours.load_state_dict(plain.state_dict())
    fast_teacher.load_state_dict(teacher.state_dict())
    for net in (ours, fast_teacher):
        net.to(memory_format=torch.channels_last)
    teacher.eval().requires_grad_(False)
    if objective == "cc":
        teacher = fast_teacher = None
    vgg, fast_vgg = (VGGFeatures(file).to(device).eval() for _ in range(2))
    fast_vgg.to(memory_format=torch.channels_last)
    ours_objective = CycleObjective(fast_teacher, vgg=fast_vgg)
    frames = torch.from_numpy(clip(3, seed=3, size=(crop, crop))).permute(0, 3, 1, 2) / 255
    window = {"frames": frames[None].repeat(batch, 1, 1, 1, 1).to(device),
              "t": torch.linspace(0.375, 0.625, batch, device=device)}
    bf16, units = quick_bf16(device), matrix_units(device)

    def our_loss():
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return ours_objective(ours, window).total

    def naive():
        return naive_loss(plain, teacher, ours_objective.weights, vgg, window)

    ours_step = torch.compile(our_loss) if compiled else our_loss
    steps = {"naive": (plain, naive, False), "ours": (ours, ours_step, True)}
    if device.type == "cuda":  # what PyTorch calls fp32 there rounds to 10 bits unless told not to
        steps = {"naive, TF32": (plain, naive, True)} | steps
    times, warm = {name: [] for name in steps}, 3 if device.type == "cuda" else 1
    for i in range(rounds + warm):
        for name, (model, loss, tf32) in steps.items():
            torch.backends.cudnn.allow_tf32 = tf32
            model.zero_grad()
            start = time.perf_counter()
            loss().backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if i >= warm:
                times[name].append(time.perf_counter() - start)
    want, got = gradient(plain), gradient(ours)
    error = float((got - want).norm() / want.norm())
    kind = "bf16, channels_last" if bf16 else "fp32, channels_last"
    kind += ", compiled" if compiled else ""
    limit = 0.1 if bf16 else 1e-3
    title, goal = {"cc": ("CC", 4.0), "cc_ps": ("CC+PS", 5.0)}[objective]
    rates = {name: batch / statistics.median(took) for name, took in times.items()}
    slow, quick = rates["naive"], rates["ours"]
    half = [] if device.type != "cuda" else [
        Row(f"{title} step, naive, TF32", rates["naive, TF32"], "windows/s"),
        Row(f"{title} step, ours against that", quick / rates["naive, TF32"], "x")]
    return half + [
        Row(f"{title} step, naive, fp32", slow, "windows/s"),
        Row(f"{title} step, ours, {kind}", quick, "windows/s"),
        Row(f"{title} step, ours against naive, fp32", quick / slow, "x",
            goal if units else None, quick / slow >= goal if units else None),
        Row(f"{title} step, difference of the gradients, relative", error, "1", limit,
            error < limit),
    ]


def machine(device: torch.device) -> str:
    "What it is that was measured on."
    file = Path("/proc/cpuinfo")
    names = [line.partition(": ")[2] for line in file.read_text().splitlines()
             if line.startswith("model name")] if file.is_file() else []
    cpu = f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"
    card = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    units = "with" if matrix_units(device) else "without"
    return f"{cpu}{card}, {units} bf16 matrix units, torch {torch.__version__}"


def show(rows: list[Row], device: torch.device, file: Path | None) -> int:  # 1: a target missed
    "Print the rows, and write them as JSON if a file is given."
    print(machine(device))
    for row in rows:
        goal = f"  target {row.target}"
        verdict = {None: "", True: f"{goal}: met", False: f"{goal}: missed"}
        print(f"{row.name:62} {row.value:10.4g} {row.unit}{verdict[row.met]}")
    if file:
        told = {"machine": machine(device), "rows": [asdict(r) for r in rows]}
        file.write_text(json.dumps(told, indent=1) + "\n")
    return int(any(r.met is False for r in rows))


def main(args: list[str] | None = None) -> int:
    "Measure, print the table, write the rows."
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--quick", action="store_true", help="small network and crops")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--data", help="prepared shards to train on, instead of rendered clips")
    parser.add_argument("--compile", action="store_true", help="compile our step")
    given = parser.parse_args(args)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    slow = device.type == "cpu"
    width, crop, rounds = (4, 64, 2) if given.quick else (32, 384, 3 if slow else 20)
    steps = 6 if given.quick or slow else 60
    with tempfile.TemporaryDirectory() as tmp:
        cfg = TrainConfig(
            train=given.data or shards(Path(tmp), given.quick), crop_size=[crop, crop],
            model_config={"width": width, "flow_scale": 2.0}, batch_size=2, max_steps=steps,
            log_every=steps // 3, out=tmp, vgg_weights=str(random_vgg(Path(tmp))),
            log_with="tensorboard", samples=0, channels_last=True,
            mixed_precision="bf16" if quick_bf16(device) else "no",
        )
        rows = loader_rows(cfg) + step_rows(cfg)
        file = Path(cfg.vgg_weights)
        rows += compare_rows("cc_ps", width, crop, 2, rounds, device, file, given.compile)
    return show(rows, device, given.json)


if __name__ == "__main__":
    sys.exit(main())
