"""Print what falls short of the house style of notebooks: `python scripts/shape.py [NOTEBOOK ...]`.

A reference notebook has 20 to 60 code cells, a cell of prose to every three of code, exported
cells of at most 25 lines (40 for what is listed in LONG; parameters with their comments, fields
and imports are not counted), an asserting cell to every two exported ones, and no figure above
150 kB. Exits 1 if one does not.
"""
import re
import sys
from pathlib import Path

import nbformat

NBS = Path(__file__).resolve().parents[1] / "nbs"
CELLS, LINES, LONGER, FIGURE = (20, 60), 25, 40, 150_000
ASSERTS = re.compile(r"^\s*(assert|with expect_fail|test_\w+\()", re.M)
EXPORTS = re.compile(r"^#\|\s*export", re.M)
LONG = re.compile(r"    def (__init__|forward|backward|synthesize)\(|def \w*step\(", re.M)
# a parameter or a field on its own line, the end of a signature, an import, a directive, a blank
QUIET = re.compile(r"\s+\*?\w+: [^=]+( = .*)?#.*|\) ->.*|#\|.*|(import|from) .*|\s*")


def lines(source: str) -> int:
    """Lines that do something."""
    return sum(not QUIET.fullmatch(x) for x in source.splitlines())


def figure(cell: nbformat.NotebookNode) -> int:
    """Bytes of the largest picture among the outputs."""
    data = [v for o in cell.get("outputs", []) for k, v in o.get("data", {}).items()
            if k.startswith("image/")]
    return max((len(v) * 3 // 4 for v in data), default=0)


def offences(path: Path) -> list[str]:
    """What is wrong with one notebook."""
    cells = nbformat.read(path, as_version=4).cells
    code = [c for c in cells if c.cell_type == "code"]
    prose = sum(c.cell_type == "markdown" for c in cells)
    exported = [c for c in code if EXPORTS.search(c.source)]
    asserting = sum(bool(ASSERTS.search(c.source)) for c in code)
    found = []
    if exported and not CELLS[0] <= len(code) <= CELLS[1]:
        found.append(f"{len(code)} code cells")
    if prose * 3 < len(code):
        found.append(f"{prose} cells of prose to {len(code)} of code")
    if asserting * 2 < len(exported):
        found.append(f"{asserting} asserting cells to {len(exported)} exported")
    for c in exported:
        most = LONGER if LONG.search(c.source) else LINES
        if (n := lines(c.source)) > most:
            name = re.search(r"^(?:class|def) (\w+)", c.source, re.M)
            found.append(f"{n} lines in {name[1] if name else c.source[:30]!r}")
    found += [f"a figure of {n // 1000} kB" for c in code if (n := figure(c)) > FIGURE]
    return found


def main() -> None:
    """Print one line an offence."""
    paths = [Path(p) for p in sys.argv[1:]] or sorted(NBS.rglob("*.ipynb"))
    paths = [p for p in paths if not p.name.startswith("_") and ".ipynb_checkpoints" not in p.parts]
    found = [f"{p.name}: {what}" for p in paths for what in offences(p)]
    print("\n".join(found) or f"{len(paths)} notebooks, nothing amiss")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
