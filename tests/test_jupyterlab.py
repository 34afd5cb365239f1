"""What a student sees, in a real JupyterLab in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]

SCREENSHOT = ROOT / "tests" / "screenshots" / "check.png"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]

MISTAKEN = """def scaled_dot_product_attention(queries, keys, values, mask=None):
    scores = queries @ keys.mT / queries.shape[-1]
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1) @ values"""
RIGHT = MISTAKEN.replace("/ queries.shape[-1]", "/ queries.shape[-1] ** 0.5")


@pytest.fixture(scope="module")
def server(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab that serves a copy of chapter 7's release."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(course / "release" / "07_attention", home / "work")
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    port = _free_port()
    log = (home / "log").open("w")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={home / 'work'}",
            f"--LabApp.user_settings_dir={home / 'settings'}", "--ServerApp.disable_check_xsrf=True", "--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True",
        ],
        stdout=log, stderr=log, env={**os.environ, "JUPYTER_CONFIG_DIR": str(home / "config")},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", home / "log")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _wait_for(url: str, log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            time.sleep(0.25)
        else:
            return
    raise TimeoutError(log.read_text()[-2000:])


@pytest.fixture(scope="module")
def page(server: str) -> Iterator[object]:
    """JupyterLab with the released notebook, all of whose cells are run."""
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(240_000)
        page.goto(f"{server}/lab/tree/scoring.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        run_all(page)
        yield page
        browser.close()


def cell(page, text: str):
    return page.locator(".jp-Notebook .jp-CodeCell").filter(has=page.locator(".jp-InputArea-editor", has_text=text)).first


def type_and_run(page, starts_with: str, source: str) -> None:
    """Replace a cell's source as a student would paste it, and run it."""
    cell(page, starts_with).locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def run_all(page) -> None:
    """Choose "Run All Cells", again if JupyterLab was not ready for it the first time."""
    first_prompt = "document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputPrompt').innerText.trim()"
    for _ in range(4):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            page.wait_for_function(f"!['', '[ ]:'].includes({first_prompt})", timeout=20_000)
        except playwright.TimeoutError:
            continue
        return
    raise AssertionError("JupyterLab does not run the notebook")


def run_check(page, name: str):
    """Run the graded cell of an exercise and return its report."""
    check = cell(page, f"check({name})")
    check.locator(".cm-content").click()
    report = check.locator(".scratchgrad")
    before = check.locator(".jp-InputPrompt").inner_text()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        "([el, before]) => el.querySelector('.jp-InputPrompt').innerText !== before && !el.querySelector('.jp-InputPrompt').innerText.includes('*')",
        arg=[check.element_handle(), before],
    )
    return report


def test_student_meets_starter_then_hint_then_success(page):
    starter = cell(page, "check(scaled_dot_product_attention)").locator(".scratchgrad")
    starter.wait_for(timeout=120_000)
    assert "not written yet" in starter.inner_text()

    type_and_run(page, "def scaled_dot_product_attention", MISTAKEN)
    report = run_check(page, "scaled_dot_product_attention")
    assert "You divide by dim. The variance of a sum of dim products is dim, its spread √dim." in report.inner_text()
    assert "First difference: answer[0, 0, 0] should be" in report.inner_text()
    _keep_screenshot(page, cell(page, "def scaled_dot_product_attention"), cell(page, "check(scaled_dot_product_attention)"))

    type_and_run(page, "def scaled_dot_product_attention", RIGHT)
    report = run_check(page, "scaled_dot_product_attention")
    assert "right! All" in report.inner_text()


def test_every_exercise_of_the_release_has_a_starter_message(page):
    """ "Run all" does not stop at a demonstration whose exercise is not written yet."""
    for name in ("masked_softmax", "multi_head_attention"):
        assert "not written yet" in shown_by(page, f"check({name})")


def shown_by(page, source: str) -> str:
    """What a cell shows when it has run, from the notebook itself: cells out of sight are drawn when the browser has time."""
    outputs = (
        "source => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON()"
        ".cells.find(cell => [cell.source].flat().join('') === source).outputs)"
    )
    page.wait_for_function(f"source => ({outputs})(source) !== '[]'", arg=source)
    return page.evaluate(outputs, source)


def _keep_screenshot(page, first, last) -> None:
    """The README's picture, renewed on request: SCRATCHGRAD_SCREENSHOT=1."""
    if not os.environ.get("SCRATCHGRAD_SCREENSHOT"):
        return
    SCREENSHOT.parent.mkdir(exist_ok=True)
    last.scroll_into_view_if_needed()
    boxes = [first.bounding_box(), last.bounding_box()]
    top = max(0, boxes[0]["y"])
    page.screenshot(
        path=SCREENSHOT,
        clip={"x": boxes[0]["x"], "y": top, "width": boxes[0]["width"], "height": boxes[1]["y"] + boxes[1]["height"] - top},
    )
