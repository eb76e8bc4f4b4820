"""Real and hostile files through `interpolate` and FFmpeg's minterpolate, looked at by ffprobe.

    python benchmarks/files.py [--quick] [--json OUT] [--markdown OUT]

One row a file: those in the folder odd/ of the clips that CYCLEVFI_DATA names, and those made here.
Each is brought to twice its frame rate by the model `average`, the cheapest, for here the files are
tried and not the pictures; and by `ffmpeg -vf minterpolate=mi_mode=blend` with sound, subtitles and
chapters copied. Of films above 6 million pixels the first 8 frames are taken, by stream copy.
What came out is described by ffprobe: frames counted by decoding, length, pixel format, colour
tags, shape of a pixel, size as shown, streams, chapters, title and date. A cell says what of this
is not as in the source. Needs the programs ffmpeg and ffprobe; --quick takes the small files, and
leaves minterpolate out.
"""

import argparse
import json
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from cyclevfi import sample
from cyclevfi.interpolate import interpolate
from cyclevfi.video import Colour, VideoInfo, VideoWriter, write_frames, write_image

LARGE = 6_000_000  # pixels of a whole film
FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif", ".webp", ".png")
TAGS = ("title", "creation_time", "com.example.lens")
KEYS = ("pix_fmt", "color_range", "color_space", "color_transfer", "color_primaries")


@dataclass
class Row:
    "One file."

    name: str
    what: str  # as ffprobe sees it, or how it was made
    ours: str  # what came out
    theirs: str  # what came out of minterpolate
    met: bool  # frames and length as reported; or a clean error, and nothing left behind


def ask(*command: str, limit: float = 120) -> subprocess.CompletedProcess:
    "Run a program."
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit,
                          stdin=subprocess.DEVNULL)


def named(path: Path) -> list[str]:
    "An input, for FFmpeg's programs."
    if not path.is_dir():
        return ["-i", f"file:{path}"]
    kind = next((p.suffix for p in path.iterdir()), "")
    return ["-f", "image2", "-framerate", "30", "-pattern_type", "glob", "-i", f"{path}/*{kind}"]


def moving_picture(path: Path) -> dict | None:
    "An animated WebP, which ffprobe cannot read, as Pillow sees it."
    try:
        with Image.open(path) as img:
            n, size = getattr(img, "n_frames", 1), img.size
    except OSError:
        return None
    return {"frames": n, "codec": "webp", "pix_fmt": "argb", "size": size, "aspect": Fraction(1),
            "rate": "25/1", "turn": 0, "seconds": None, "fields": "unknown", "chapters": 0,
            "audio": [], "subtitle": []}


def seconds_of(film: dict, said: dict) -> float | None:
    "How long the pictures go on: of the track, if it says, else of the file."
    for name, value in film.get("tags", {}).items():
        if name.startswith("DURATION"):
            h, m, s = value.split(":")
            end = int(h) * 3600 + int(m) * 60 + float(s)
            return end - max(0.0, float(film.get("start_time", 0)))
    alone = len(said["streams"]) == 1
    seconds = film.get("duration") or (said["format"].get("duration") if alone else None)
    return float(seconds) if seconds else None


def probe(path: Path, count: str = "frames") -> dict | None:
    "What ffprobe says; frames are counted by decoding, or as packets, which is quick."
    if path.suffix == ".webp":
        return moving_picture(path)
    got = ask("ffprobe", "-v", "quiet", f"-count_{count}", "-show_streams", "-show_format",
              "-show_chapters", "-of", "json", *named(path))
    try:
        said = json.loads(got.stdout)
    except ValueError:
        return None
    films = [s for s in said.get("streams", []) if s["codec_type"] == "video"
             and not s.get("disposition", {}).get("attached_pic")]
    film = max(films, key=lambda s: s.get("width", 0) * s.get("height", 0), default=None)
    return describe(said, film) if film else None


def describe(said: dict, film: dict) -> dict:
    "The part that matters."
    known = {k: film[k] for k in KEYS if film.get(k, "unknown") != "unknown"}
    if known.get("pix_fmt", "").startswith("yuvj"):
        known |= {"pix_fmt": known["pix_fmt"].replace("yuvj", "yuv"), "color_range": "pc"}
    if known.get("color_range") == "tv":  # what is meant where nothing is said
        del known["color_range"]
    turn = sum(float(d.get("rotation", 0)) for d in film.get("side_data_list", []))
    size, shape = (film.get("width", 0), film.get("height", 0)), film.get("sample_aspect_ratio")
    shape = Fraction(*map(int, shape.split(":"))) if shape and shape[0] not in "0N" else Fraction(1)
    lying = round(turn) % 180 == 90
    tags = {k.lower(): v for k, v in said.get("format", {}).get("tags", {}).items()}
    return known | {
        "frames": int(film.get("nb_read_frames") or film.get("nb_read_packets") or 0),
        "codec": film.get("codec_name"),
        "size": size[::-1] if lying else size, "aspect": 1 / shape if lying else shape,
        "rate": film.get("avg_frame_rate", "0/0"), "turn": round(turn),
        "seconds": seconds_of(film, said),
        "fields": film.get("field_order", "unknown"), "chapters": len(said.get("chapters", [])),
        **{kind: sorted(s.get("codec_name", "?") for s in said["streams"]
                        if s["codec_type"] == kind) for kind in ("audio", "subtitle")},
        **{t: tags[t] for t in TAGS if t in tags}}


def in_words(p: dict | None) -> str:
    "A source in a few words."
    if p is None:
        return "ffprobe finds no video"
    rate = p["rate"] if p["rate"].endswith("/1001") else f"{float(Fraction(p['rate'])):.4g}" \
        if not p["rate"].endswith("/0") else "?"
    words = [p["codec"], p.get("pix_fmt", "?"), "{}x{}".format(*p["size"]), f"{rate} fps",
             f"{p['frames']} frames", *p["audio"], *p["subtitle"]]
    words += [f"{p['chapters']} chapters"] * bool(p["chapters"])
    words += [f"turned {p['turn']}"] * bool(p["turn"]) + [f"SAR {p['aspect']}"] * (p["aspect"] != 1)
    words += [p["fields"]] * (p["fields"] not in ("progressive", "unknown"))
    words += [p.get("color_space"), "full range" if p.get("color_range") == "pc" else None]
    return ", ".join(str(w) for w in words if w)


def changed(source: dict, out: dict, folder: bool) -> list[str]:
    "What is not as it was; RGB sources become YUV, so their pixel format and colour do not count."
    keys = ["size"] if folder else ["size", "aspect", "audio", "subtitle", "chapters", *TAGS]
    rgb = not source.get("pix_fmt", "").startswith("yuv") or source.get("color_space") == "gbr"
    alpha = source.get("pix_fmt", "").replace("yuva", "yuv")
    if not (rgb or folder):
        keys += KEYS
    was = source | {"pix_fmt": alpha}
    return [f"{k} {show(was.get(k))} -> {show(out.get(k))}" for k in keys
            if was.get(k) != out.get(k)]


def show(value: object) -> str:
    "A value, or 'none'."
    return ("+".join(value) if isinstance(value, list) else str(value)) if value else "none"


def judge(source: dict | None, out: dict | None, folder: bool) -> str:
    "What came out, and what it lacks."
    if out is None:
        return "nothing that ffprobe can read"
    text = f"{out['frames']} frames"
    if out["seconds"] and not folder:
        text += f", {out['seconds']:.2f} s"
    return "; ".join([text, *(changed(source, out, folder) if source else [])])


def ours(path: Path, out: Path, source: dict | None) -> tuple[str, bool]:
    "Interpolate; what came out, and whether all is well."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            report = interpolate(path, out, factor=2, model="average", progress=False)
        except (ValueError, OSError, RuntimeError) as error:
            text = re.sub(r"\s+", " ", str(error))
            text = text.replace(f"{path.parent}/", "").replace(f"{out.parent}/", "")
            left = [p.name for p in out.parent.iterdir() if not p.name.startswith("source")]
            return f"refused: {text}" + f"; LEFT BEHIND {left}" * bool(left), not left
    got, folder = probe(out), out.is_dir()
    text, well = judge(source, got, folder), got is not None
    if out.suffix == ".webp" and got and got["frames"] < report.frames_out:
        text += f" ({report.frames_out} written, of which equal neighbours are stored as one)"
    elif well and got["frames"] != report.frames_out:
        text, well = f"{text}; WRONG: {report.frames_out} reported", False
    if well and not folder and got["seconds"] and abs(got["seconds"] - report.duration) > max(
            1 / float(report.fps_in), 0.02):
        text, well = f"{text}; WRONG: {float(report.duration):.3f} s reported", False
    notes = [n for n in report.notes if "left out" in n or "cut off" in n or "damaged" in n]
    notes += ["sound " + report.sound] * report.sound.startswith("left out")
    clean = [n.replace(f"{path}: ", "").replace(f"{path} ", "") for n in notes]
    return "; ".join([f"{report.frames_in} -> {text}", *clean]), well


def theirs(path: Path, out: Path, source: dict | None) -> str:
    "minterpolate, and what came out."
    known = source and not source["rate"].endswith("/0")
    rate = Fraction(source["rate"]) if known else Fraction(25)
    target = f"{out}/%06d.png" if path.is_dir() else f"file:{out}"
    out.mkdir() if path.is_dir() else None
    film = out.suffix in (".mp4", ".mov", ".mkv", ".webm", ".m4v")
    keep = ["-map", "0:v:0", "-map", "0:a?", "-map", "0:s?", "-c:a", "copy", "-c:s", "copy"]
    try:
        got = ask("ffmpeg", "-v", "error", "-y", *named(path), *(keep if film else []), "-vf",
                  f"minterpolate=fps={2 * rate}:mi_mode=blend", target)
    except subprocess.TimeoutExpired:
        return "still running after 120 s"
    left = probe(out) if out.exists() else None
    if got.returncode:
        last = (got.stderr.strip().splitlines() or ["?"])[-1]
        last = last.replace(f"{path.parent}/", "").replace(f"{out.parent}/", "")
        return f"error: {last[-110:]}" + "; a file is left behind" * (out.exists() and film)
    return judge(source, left, path.is_dir())


def shortened(path: Path, folder: Path, source: dict) -> Path:
    "The first frames, without encoding them again."
    rate, short = Fraction(source["rate"]), folder / f"source{path.suffix}"
    ask("ffmpeg", "-v", "error", "-y", "-i", f"file:{path}", "-map", "0", "-c", "copy", "-t",
        f"{float(8 / rate):.6f}", "-strict", "-2", f"file:{short}")
    found = probe(short) if short.exists() else None
    return short if found and found["frames"] > 1 else path


def row(path: Path, name: str, what: str = "", both: bool = True) -> Row:
    "Try one file, by both programs or only by ours."
    there = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    source = probe(path, "packets") if there else None
    with tempfile.TemporaryDirectory() as at:
        words = what or in_words(source)
        size = source["size"][0] * source["size"][1] * source["frames"] if source else 0
        if size > LARGE and not path.is_dir():
            words += " (first 8 frames tried)"
            path = shortened(path, Path(at), source)
        source = probe(path) if source else None
        suffix = path.suffix.lower() if path.suffix.lower() in FILMS else ".mkv"
        form = "folder" if path.is_dir() or not path.suffix else suffix
        out = Path(at) / ("a" if form == "folder" else f"a{form}")
        mine, well = ours(path, out, source)
        beside = Path(at) / ("b" if form == "folder" else f"b{form}")
        other = theirs(path, beside, source) if both else "not tried"
    return Row(name, words, mine, other, well)


def png(width: int, height: int) -> bytes:
    "A PNG that only claims to be large."
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + body


def film(folder: Path, name: str, frames: np.ndarray, fps: object = 25, pix_fmt: str = "yuv420p",
         colour: Colour | None = None, **options) -> Path:
    "A video as we write it."
    bits = 8 if frames.dtype == np.uint8 else 10
    like = VideoInfo("", frames.shape[1:3], Fraction(25), Fraction(1, 25), pix_fmt=pix_fmt,
                     bits=bits, colour=colour or Colour(), tags=options.pop("tags", {}))
    write_frames(folder / name, frames, fps, like=like, **options)
    return folder / name


def ffmpeg(folder: Path, name: str, *how: str) -> Path:
    "A file as ffmpeg makes it, from test pictures and a tone."
    ask("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=24:d=0.5", "-f",
        "lavfi", "-i", "sine=d=0.5", *how, str(folder / name))
    return folder / name


def rich(folder: Path, name: str, text: str) -> Path:
    "Sound, subtitles, chapters, a title and a date."
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nHallo\n")
    (folder / "m.txt").write_text(";FFMETADATA1\ntitle=A tone\ncreation_time=2026-11-22T10:00:00Z\n"
                                  "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=one\n"
                                  "[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=500\ntitle=two\n")
    codec = "copy" if text == "srt" else text
    return ffmpeg(folder, name, "-i", str(folder / "s.srt"), "-i", str(folder / "m.txt"), "-map",
                  "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-map_chapters", "3",
                  "-c:s", codec, "-pix_fmt", "yuv420p")


def made(folder: Path) -> list[tuple[Path, str]]:
    "Files made here: where they are, and what they are if ffprobe cannot say."
    frames = sample.clip(6, size=(64, 96))
    deep = (frames.astype(np.uint16) * 257)
    hdr, p = Colour(9, 9, 16, 1), folder
    files = [
        (rich(p, "subtitles_chapters.mkv", "srt"), ""),
        (rich(p, "subtitles_chapters.mp4", "mov_text"), ""),
        (film(p, "camera_tags.mp4", frames, tags={"title": "A", "com.example.lens": "fish"}), ""),
        (film(p, "hdr_10bit.mkv", deep, pix_fmt="yuv420p10le", colour=hdr), ""),
        (film(p, "hdr_10bit_av1.webm", deep, pix_fmt="yuv420p10le", colour=hdr), ""),
        (film(p, "422_10bit.mov", deep, pix_fmt="yuv422p10le", codec="hevc"), ""),
        (film(p, "444_8bit.mkv", frames, pix_fmt="yuv444p"), ""),
        (film(p, "full_range.mp4", frames, colour=Colour(5, 5, 6, 2)), ""),
        (film(p, "lossless_ffv1.mkv", frames, codec="ffv1"), ""),
        (ffmpeg(p, "prores.mov", "-c:v", "prores_ks", "-c:a", "pcm_s16le"), ""),
        (ffmpeg(p, "sound_first.mkv", "-itsoffset", "0.2", "-f", "lavfi", "-i",
                "testsrc2=s=96x64:r=24:d=0.3", "-map", "2", "-map", "1", "-pix_fmt", "yuv420p"),
         ""),
        (ffmpeg(p, "two_tracks.mp4", "-map", "0", "-map", "1", "-map", "1", "-pix_fmt",
                "yuv420p"), ""),
        (ffmpeg(p, "negative_pts.ts", "-output_ts_offset", "-5", "-pix_fmt", "yuv420p"), ""),
        (ffmpeg(p, "interlaced.mp4", "-c:v", "libx264", "-flags", "+ildct+ilme", "-pix_fmt",
                "yuv420p", "-x264-params", "tff=1"), ""),
        (ffmpeg(p, "fragmented.mp4", "-movflags", "frag_keyframe+empty_moov", "-pix_fmt",
                "yuv420p"), ""),
        (ffmpeg(p, "no_stamps.h264", "-an", "-pix_fmt", "yuv420p"), ""),
        (ffmpeg(p, "old.avi", "-c:v", "mpeg4", "-c:a", "mp2"), ""),
        (ffmpeg(p, "windows.wmv", "-c:v", "wmv2", "-c:a", "wmav2"), ""),
        (ffmpeg(p, "flash.flv", "-c:v", "flv", "-ar", "44100"), ""),
        (ffmpeg(p, "only_sound.m4a", "-vn"), "AAC, no video"),
        (film(p, "two_frames.mp4", frames[:2]), ""),
        (film(p, "one_frame.mp4", frames[:1]), ""),
        (film(p, "strip.mkv", np.repeat(frames[:3, :1, :1], 16384, 2)), ""),
        (film(p, "television.mkv", frames, fps="59.94"), ""),
        (film(p, "moving.gif", frames), ""), (film(p, "moving.webp", frames), ""),
        (film(p, "moving.png", frames), ""),
        (film(p, "a 'quoted' \"name\"\nof two lines.mp4", frames), ""),
        (film(p, "-dash.mp4", frames), ""),
        (film(p, os.fsdecode(b"not-utf8-\xff\xe4.mp4"), frames), "")]
    return files + variable(p, frames) + pictures(p, frames, deep) + broken(p, files[0][0])


def variable(p: Path, frames: np.ndarray) -> list[tuple[Path, str]]:
    "Frames at uneven times; an edit list that hides the first."
    with VideoWriter(p / "variable.mp4", 25, time_base=Fraction(1, 600), variable=True) as writer:
        for image, i in zip(frames, (0, 24, 50, 99, 124, 300)):
            writer.write(image, Fraction(i, 600))
    ask("ffmpeg", "-v", "error", "-y", "-ss", "0.2", "-i", str(ffmpeg(p, "whole.mp4", "-pix_fmt",
        "yuv420p", "-g", "99")), "-c", "copy", str(p / "edit_list.mp4"))
    return [(p / "variable.mp4", ""), (p / "edit_list.mp4", "")]


def pictures(p: Path, frames: np.ndarray, deep: np.ndarray) -> list[tuple[Path, str]]:
    "Folders of pictures."
    kinds = {"jpg_from_1001": ("shot_{}.jpg", frames, 1001), "png16": ("f{:03d}.png", deep, 7),
             "tif16": ("f{:03d}.tif", deep, 1), "png8": ("{}.png", frames, 8)}
    for name, (form, images, first) in kinds.items():
        (p / name).mkdir()
        for i, image in enumerate(images):
            write_image(p / name / form.format(first + i), image)
    return [(p / name, f"folder of {kind[0]}, {kind[1].dtype}") for name, kind in kinds.items()]


def broken(p: Path, healthy: Path) -> list[tuple[Path, str]]:
    "What is not as it should be."
    whole, rng = healthy.read_bytes(), np.random.default_rng(0)
    noise = rng.integers(0, 256, 20_000, np.uint8).tobytes()
    contents = {
        "cut_in_header.mkv": whole[:300], "cut_in_the_middle.mkv": whole[: len(whole) * 3 // 4],
        "garbage_after_header.mkv": whole[:2000] + noise, "wrong_extension.avi": whole,
        "film_called.png": whole, "text.mp4": b"no video\n" * 99, "bomb.png": png(65535, 65535),
        "bomb.y4m": b"YUV4MPEG2 W16000 H16000 F25:1 C420\nFRAME\n",
        "bomb.gif": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;",
        "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"}
    for name, data in contents.items():
        (p / name).write_bytes(data)
    (p / "loop.mp4").symlink_to(p / "loop.mp4")
    (p / "empty_folder").mkdir()
    told = {"bomb.png": "claims 65535x65535, 80 bytes", "bomb.gif": "claims 65535x65535",
            "bomb.y4m": "claims 16000x16000",
            "film_called.png": "Matroska under a wrong name", "loop.mp4": "link to itself",
            "wrong_extension.avi": "", "cut_in_the_middle.mkv": ""}
    names = [*contents, "loop.mp4", "empty_folder", "absent.mp4"]
    return [(p / n, told.get(n, n.split(".")[0].replace("_", " "))) for n in names]


def machine() -> str:
    "Where this ran."
    tool = ask("ffmpeg", "-version").stdout.split(" Copyright")[0].replace("ffmpeg version ", "")
    return (f"{os.cpu_count()} cores, {platform.machine()}; PyAV {av.__version__} with FFmpeg"
            f" {av.ffmpeg_version_info}; beside it ffmpeg {tool}")


def markdown(rows: list[Row], where: str) -> str:
    "The table."
    def cell(text: str) -> str:
        clean = "".join(c if c.isprintable() else "?" for c in text)
        return clean.encode("utf-8", "replace").decode().replace("|", "\\|").replace("<", "&lt;")
    lines = ["| file | what it is | cyclevfi | ffmpeg minterpolate |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(map(cell, (r.name, r.what, r.ours, r.theirs)))} |" for r in rows]
    good = sum(r.met for r in rows)
    end = f"{len(rows)} files, {good} with frames and length as reported or a clean error. {where}."
    return "\n".join([*lines, "", end]) + "\n"


def main() -> int:
    "Run, print, write."
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--quick", action="store_true", help="small files, without minterpolate")
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    options.add_argument("--only", help="files whose name contains this")
    args = options.parse_args()
    if not shutil.which("ffmpeg") or not shutil.which("ffprobe"):
        raise SystemExit("this benchmark needs the programs ffmpeg and ffprobe")
    began, rows, data = time.monotonic(), [], sample.real_data()
    with tempfile.TemporaryDirectory() as folder:
        todo = [(p, "") for p in sorted((data / "odd").iterdir())] if data else []
        todo = [t for t in todo if not args.quick or t[0].stat().st_size < 30_000]
        todo += made(Path(folder))
        for path, what in todo:
            if args.only and args.only not in path.name:
                continue
            rows.append(row(path, path.name, what, not args.quick))
            r = rows[-1]
            print("ok " if r.met else "BAD", ascii(f"{r.name}: {r.ours}  [{r.theirs}]"), flush=True)
    where = machine()
    if args.markdown:
        args.markdown.write_text(markdown(rows, where))
    if args.json:
        clean = [{k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v
                  for k, v in asdict(r).items()} for r in rows]
        args.json.write_text(json.dumps({"machine": where, "rows": clean}, indent=1))
    bad = [r.name for r in rows if not r.met]
    print(f"{len(rows)} files in {time.monotonic() - began:.0f} s; bad: {bad or 'none'}; {where}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
