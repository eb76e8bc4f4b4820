"""Tutorial 3 in a real browser, in JupyterLab and in Voila: `python tests/browser.py [--save]`.

Needs `pip install playwright voila` and a Chromium (`apt-get install chromium`, or its path in the
environment variable CHROMIUM). Moves the slider, switches the view, and fails unless the picture
changed; prints how long the picture takes to follow. With --save the screenshots, light and dark,
go to nbs/assets.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = ROOT / "nbs" / "tutorials" / "compare.ipynb"
ASSETS = ROOT / "nbs" / "assets"
QUIET = Path(tempfile.mkdtemp(prefix="cyclevfi-browser-"))
PATIENCE = 600_000  # ms; a busy machine is slow
LIMIT = 150  # ms from the key to the picture
LARGEST = 300_000  # bytes of a screenshot
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# resolves with the milliseconds from a key on the slider to the new picture on the page
TIMED = """(handle, key) => new Promise((done, fail) => {
    const img = document.querySelector('img.widget-image'), began = performance.now();
    img.addEventListener('load', () => done(performance.now() - began), {once: true});
    setTimeout(() => fail(new Error('the picture did not change')), 30000);
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
})"""


@contextmanager
def server(words: list[str], page: str) -> Iterator[str]:
    """Start a server in a process of its own; gives the address of a page once it answers."""
    with socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", *words, "--no-browser", f"--port={port}"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(
        command, stdout=log, stderr=log, env=os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(QUIET)}
    ) as process:
        try:
            address, end = f"http://127.0.0.1:{port}/", time.monotonic() + PATIENCE / 1000
            while not answers(address + page.partition("?")[0]):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    sys.exit(f"error: {words[0]} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.5)
            yield address + page
        finally:
            process.terminate()


def be_quiet() -> None:
    """Settings of JupyterLab that ask nothing."""
    folder = QUIET / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def answers(address: str) -> bool:
    """Is there a server already?"""
    try:
        with urllib.request.urlopen(address, timeout=60):
            return True
    except OSError:
        return False


def picture(page: Page) -> Locator:
    """The picture of the first widget."""
    return page.locator("img.widget-image").first


def wait_until_made(page: Page) -> None:
    """All frames of the pair are there."""
    page.get_by_text("All frames made.").first.wait_for(timeout=PATIENCE)


def source(page: Page) -> str:
    """What the picture shows: an address that is new for each new picture."""
    return picture(page).get_attribute("src")


def changes(page: Page, what: str, action) -> None:
    """Do something, and fail unless the picture changes."""
    before = source(page)
    action()
    page.wait_for_function("old => document.querySelector('img.widget-image').src !== old",
                           arg=before, timeout=60_000)
    print(f"  {what}: the picture changed")


def control(page: Page, kind: str, text: str) -> Locator:
    """The first widget of that class with that label."""
    return page.locator(f".{kind}", has=page.get_by_text(text, exact=True)).first


def play_with(page: Page) -> None:
    """What a person would do, and what must come of it."""
    picture(page).wait_for(timeout=PATIENCE)
    wait_until_made(page)
    handle = control(page, "widget-slider", "Time").locator(".noUi-handle")
    changes(page, "slider by keyboard", lambda: (handle.focus(), page.keyboard.press("ArrowLeft")))
    times = [handle.evaluate(TIMED, key) for key in ["ArrowLeft"] * 5 + ["ArrowRight"] * 8]
    print(f"  slider: median {statistics.median(times):.0f} ms to the picture on the page, "
          f"worst {max(times):.0f} ms")
    if statistics.median(times) > LIMIT:
        print(f"  slower than {LIMIT} ms: is the machine busy?")
    reachable(page)
    for look in ("error", "frame"):
        changes(page, f"show {look}", page.get_by_role("button", name=look, exact=True).first.click)
    for view in ("swipe", "blink", "side by side"):
        changes(page, f"view {view}", page.get_by_role("button", name=view).first.click)


def reachable(page: Page) -> None:
    """With Tab alone one gets from the first control to the slider and on to the buttons."""
    control(page, "widget-dropdown", "Clip").locator("select").focus()
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("""() => { const a = document.activeElement;
            return a.getAttribute('role') || a.textContent.trim() || a.tagName }"""))
    missing = {"slider", "swipe", "error", "Save PNG"} - seen
    if missing:
        sys.exit(f"error: not reached with Tab: {', '.join(sorted(missing))}")
    print("  Tab reaches sliders and buttons")


def keep(page: Page, name: str, folder: Path | None) -> None:
    """A screenshot of the widget."""
    if folder is None:
        return
    box = page.locator(".widget-vbox", has=page.locator("img.widget-image")).first
    for quality in range(85, 0, -10):
        data = box.screenshot(type="jpeg", quality=quality)
        if len(data) <= LARGEST:
            break
    (folder / f"{name}.jpg").write_bytes(data)
    print(f"  {name}.jpg: {len(data) // 1000} kB")


def in_lab(page: Page, folder: Path | None, work: Path) -> None:
    """JupyterLab: open the notebook, run all, play, in both themes."""
    shutil.copy(TUTORIAL, work)
    words = ["jupyterlab", "--expose-app-in-browser", "--IdentityProvider.token=", "--allow-root",
             f"--ServerApp.root_dir={work}"]
    with server(words, f"lab/tree/{TUTORIAL.name}?reset") as address:
        page.goto(address, timeout=PATIENCE)
        page.wait_for_function("() => window.jupyterapp", timeout=PATIENCE)
        page.locator(".jp-Notebook-cell").first.wait_for(timeout=PATIENCE)
        page.get_by_text("| Idle").first.wait_for(timeout=PATIENCE)
        command = "([id, args]) => { window.jupyterapp.commands.execute(id, args) }"
        page.evaluate(command, ["application:set-mode", {"mode": "single-document"}])
        page.evaluate(command, ["notebook:run-all-cells", {}])
        picture(page).wait_for(timeout=PATIENCE)
        picture(page).scroll_into_view_if_needed()
        play_with(page)
        keep(page, "compare-light", folder)
        theme = {"theme": "JupyterLab Dark"}
        page.evaluate(command, ["apputils:change-theme", theme])
        page.locator("body[data-jp-theme-light=false]").wait_for(state="attached", timeout=PATIENCE)
        page.wait_for_timeout(1000)
        keep(page, "compare-dark", folder)


def in_voila(page: Page, folder: Path | None, work: Path) -> None:
    """Voila: open the same notebook as an application, and play."""
    for theme in ("light", "dark"):
        with server(["voila", str(work / TUTORIAL.name), f"--theme={theme}"], "") as address:
            page.goto(address, timeout=PATIENCE)
            if theme == "light":
                play_with(page)
            picture(page).wait_for(timeout=PATIENCE)
            wait_until_made(page)
            keep(page, f"voila-{theme}", folder)


def main() -> None:
    """Both, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="FOLDER", nargs="?", type=Path, const=ASSETS,
                        help="keep screenshots here (nbs/assets)")
    folder = parser.parse_args().save
    be_quiet()
    with sync_playwright() as p, tempfile.TemporaryDirectory() as work:
        browser = p.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                                    args=FLAGS)
        for name, run in (("JupyterLab", in_lab), ("Voila", in_voila)):
            print(name, flush=True)
            run(browser.new_page(viewport={"width": 1500, "height": 1250}), folder, Path(work))
        browser.close()
    shutil.rmtree(QUIET)


if __name__ == "__main__":
    main()
