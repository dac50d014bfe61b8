"""The page of a run in a real browser that reaches nothing: on the screen, on a small one, and in print."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.environment import exclusive
from tests.unit.tools.release.test_record import journal
from tools.release.record import write_record

ALONE = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --host-resolver-rules='MAP * ~NOTFOUND'"
LEAST_BYTES = 10_000
"""Of a picture of the page; an empty one is smaller."""


@pytest.fixture(scope="module")
def browser() -> str:
    """Debian's, installed where there is none."""
    commands = ("apt-get -q update", "apt-get -q install --yes --no-install-recommends chromium")
    with exclusive():
        for command in () if shutil.which("chromium") else commands:
            done = subprocess.run(shlex.split(command), capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no Chromium can be installed here: {command}: {done.stderr.strip()[-300:]}")
    return "chromium"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_record(tmp_path_factory.mktemp("records"), journal())[-1]


def run(browser: str, folder: Path, page: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [browser, *shlex.split(ALONE), profile, "--enable-logging=stderr", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    return done


def test_a_browser_reads_the_page_as_it_is_written(browser: str, page: Path, tmp_path: Path):
    text = run(browser, tmp_path, page, "--dump-dom").stdout
    assert "<h1>Run on prod: went back</h1>" in text
    assert "alert(1)" in text
    assert "<script>" not in text
    assert text.count("<polyline") == page.read_text().count("<polyline")


@pytest.mark.parametrize("size", ["1200,1600", "390,800"])
def test_a_browser_shows_the_page(browser: str, page: Path, tmp_path: Path, size: str):
    picture = tmp_path / "page.png"
    run(browser, tmp_path, page, f"--screenshot={picture}", f"--window-size={size}")
    assert picture.stat().st_size > LEAST_BYTES


def test_a_browser_prints_the_page(browser: str, page: Path, tmp_path: Path):
    printed = tmp_path / "page.pdf"
    run(browser, tmp_path, page, f"--print-to-pdf={printed}")
    assert printed.read_bytes().startswith(b"%PDF-")
    assert printed.stat().st_size > LEAST_BYTES
