"""Write README.md from nbs/index.ipynb; with --check, fail when README.md is stale."""
import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "nbs" / "index.ipynb"
README = ROOT / "README.md"
NOTE = "<!-- Written by scripts/readme.py from nbs/index.ipynb: edit that, not this file. -->"
DIRECTIVE = re.compile(r"^#\|.*\n?", re.M)
HIDDEN = re.compile(r"^#\|\s*hide\b", re.M)
# the target of a Markdown link or picture, and of an HTML picture
TARGET = re.compile(r'(\]\(|\bsrc=")(?![a-z]+:|#|/)([^)"\s]+)')


def from_root(match: re.Match) -> str:
    """A target relative to nbs/ as one relative to the root, where README.md stands."""
    target = match[2]
    return match[1] + (target[3:] if target.startswith("../") else f"nbs/{target}")


def render(notebook: Path) -> str:
    """The notebook as Markdown: no hidden cells, no directives, links that hold from the root."""
    nb = nbformat.read(notebook, as_version=4)
    nb.cells = [cell for cell in nb.cells if not HIDDEN.search(cell.source)]
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source = DIRECTIVE.sub("", cell.source)
        else:
            cell.source = TARGET.sub(from_root, cell.source)
    nb.metadata.language_info = {"name": "python"}  # names the fences
    text, resources = MarkdownExporter().from_notebook_node(nb)
    if resources.get("outputs"):
        sys.exit(f"error: {notebook.name} holds a picture; save it in nbs/assets and link it")
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{NOTE}\n\n" + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def missing_targets(text: str) -> list[str]:
    """The local files that `text` links to and that are not there."""
    targets = (match[2].split("#")[0] for match in TARGET.finditer(text))
    return sorted({target for target in targets if not (ROOT / target).exists()})


def main() -> None:
    """Write or check README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
    check = parser.parse_args().check
    text = render(NOTEBOOK)
    if missing := missing_targets(text):
        sys.exit(f"error: {NOTEBOOK.name} links to what is not there: {', '.join(missing)}")
    if not check:
        README.write_text(text, encoding="utf-8")
    elif not README.exists() or README.read_text(encoding="utf-8") != text:
        sys.exit("error: README.md is stale; run `python scripts/readme.py` and commit it")


if __name__ == "__main__":
    main()
