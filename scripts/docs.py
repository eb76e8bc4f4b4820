"""Check the documentation as far as it can be without Quarto: `python scripts/docs.py [--process]`.

Every link and picture in the prose of every notebook, in README.md and in CONTRIBUTING.md leads to
a file that is there, every #anchor to a heading that is there; every notebook can be reached from
the index; names are in the order of reading; outputs hold no widgets, which a page cannot run (they
carry a picture, which stays: --strip removes the rest); every command `cyclevfi ...` is one that
the program understands. With --process, nbdev prepares every notebook for Quarto, which renders its
documentation of functions and runs its import cells.
"""
import argparse
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NBS = ROOT / "nbs"
# the target of a Markdown link or picture, or of an HTML one
TARGET = re.compile(r'\]\(([^)\s]+)\)|(?:src|href)="([^"\s]+)"')
USED = re.compile(r"^(?:from cyclevfi\.(\w+) import|from cyclevfi import (\w+))", re.M)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)
WIDGET = "application/vnd.jupyter.widget-view+json"


def notebooks() -> list[Path]:
    """All that is published."""
    hidden = (".ipynb_checkpoints", "_")
    return sorted(p for p in NBS.rglob("*.ipynb")
                  if not any(part.startswith(hidden) for part in p.relative_to(NBS).parts))


def prose(path: Path) -> str:
    """The Markdown of a file, code taken out."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return CODE.sub("", text)


def anchors(path: Path) -> set[str]:
    """The names of a file's headings, as GitHub and Quarto make them."""
    text = "" if path.suffix not in (".ipynb", ".md") else (
        "\n".join(c.source for c in nbformat.read(path, as_version=4).cells
                  if c.cell_type == "markdown") if path.suffix == ".ipynb"
        else path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ +(.+?) *$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


def targets(path: Path) -> list[str]:
    """What a file links to."""
    return [a or b for a, b in TARGET.findall(prose(path))]


def broken(path: Path) -> list[str]:
    """Links of one file that lead nowhere."""
    found = []
    for target in targets(path):
        if re.match(r"(https?|mailto):", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (path.parent / name).resolve() if name else path
        if re.match(r"[a-z]+:|/", target) or not goal.exists():
            found.append(f"no {target}")
        elif anchor and anchor.lower() not in anchors(goal):
            found.append(f"no heading {target}")
    return found


def unreachable() -> list[Path]:
    """Notebooks that nobody finds who starts at the index."""
    seen, left = set(), [NBS / "index.ipynb"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        goals = ((path.parent / t.partition("#")[0]).resolve() for t in targets(path)
                 if t.partition("#")[0].endswith(".ipynb"))
        left += [g for g in goals if g.exists()]
    return [p for p in notebooks() if p not in seen]


def misplaced() -> list[str]:
    """Modules that import one whose notebook comes later: the sidebar is in order of reading."""
    order, found = {}, []
    for i, path in enumerate(p for p in notebooks() if p.parent == NBS):
        source = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells
                           if c.cell_type == "code" and "#| export" in c.source)
        if module := re.search(r"^#\| *default_exp +(\w+)", path_source(path), re.M):
            order[module[1]] = i, path, source
    for name, (i, path, source) in order.items():
        for other in {a or b for a, b in USED.findall(source)} & order.keys():
            if order[other][0] > i:
                found.append(f"{path.name}: {name} imports {other}, whose notebook comes later")
    return found


def path_source(path: Path) -> str:
    """All code of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "code")


def widgets(path: Path, strip: bool = False) -> bool:
    """Does a notebook hold outputs that only a running kernel can show? Take them out if asked."""
    nb = nbformat.read(path, as_version=4)
    outputs = [o for c in nb.cells for o in c.get("outputs", [])]
    views = [o["data"] for o in outputs if WIDGET in o.get("data", {})]
    if strip and (views or "widgets" in nb.metadata):
        for data in views:
            del data[WIDGET]
        nb.metadata.pop("widgets", None)
        nbformat.write(nb, path)
        return False
    return bool(views)


def commands(path: Path) -> list[str]:
    """Every command of the program that the prose shows, as written."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    shown = "\n".join(CODE.findall(text)).replace("\\\n", " ")
    return re.findall(r"^`?(?:\$ )?(cyclevfi [a-z][^`\n]*)", shown, re.M)


def misspelt(path: Path) -> list[str]:
    """Commands that the program would refuse."""
    from cyclevfi.cli import VERBS, find_verb, values_of

    found = []
    for line in commands(path):
        words = shlex.split(line, comments=True)[1:]
        try:
            name, rest = find_verb(words)
            if len(rest) > 1 and not VERBS[name].parse:  # else only named, or read by itself
                values_of(name, VERBS[name], rest)
        except (ValueError, argparse.ArgumentError) as error:
            found.append(f"{line}: {error}")
    return found


def process() -> list[str]:
    """Let nbdev prepare all notebooks for Quarto; what it could not."""
    from nbdev.config import get_config
    from nbdev.serve import proc_nbs

    folder = get_config().config_path / "_proc"
    os.chdir(NBS)  # cells that import are run, some of them read files beside the notebooks
    sys.path.insert(0, str(NBS))  # the workers are given this
    proc_nbs(force=True)
    made = {p.name for p in folder.rglob("*.ipynb")}
    shutil.rmtree(folder)
    return [f"{p.name}: nbdev did not prepare it" for p in notebooks() if p.name not in made]


def main() -> None:
    """Print one line a fault; exit 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--process", action="store_true", help="also let nbdev prepare them")
    parser.add_argument("--strip", action="store_true", help="take widgets out of outputs first")
    asked = parser.parse_args()
    files = [*notebooks(), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    found = [f"{p.relative_to(ROOT)}: {what}" for p in files for what in broken(p)]
    found += [f"{p.relative_to(ROOT)}: no way from the index" for p in unreachable()]
    found += misplaced()
    found += [f"{p.relative_to(ROOT)}: {what}" for p in files for what in misspelt(p)]
    found += [f"{p.relative_to(ROOT)}: outputs hold widgets; run with --strip"
              for p in notebooks() if widgets(p, asked.strip)]
    found += process() if asked.process and not found else []
    right = f"{len(files)} files: links, pictures, commands, headings and order are right"
    print("\n".join(found) or right)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
