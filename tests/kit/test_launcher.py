"""The launcher `estore`, with an installer that installs nothing: what it decides, and when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLI = "import sys, os, estore\nprint('cli', *sys.argv[1:], os.getcwd())\n"
FAKE_UV = '#!/bin/sh\necho "$*" >>"$UV_CALLS"\nsleep "${UV_SLEEP:-0}"\nexit "${UV_EXIT:-0}"\n'


class Clone:
    """A clone of the repository whose `uv` is there already, and only notes how it is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder.parent / "calls"
        (folder / "src/estore").mkdir(parents=True)
        (folder / "src/estore/__init__.py").touch()
        (folder / "src/estore/cli.py").write_text(CLI)
        shutil.copy(ROOT / "estore", folder)
        for lock in ("requirements.lock", "requirements-dev.lock", "requirements-boot.lock"):
            (folder / lock).write_text(f"{lock}==1\n")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        uv = folder / ".venv/bin/uv"
        uv.write_text(FAKE_UV)
        uv.chmod(0o755)
        self.env = {"PATH": os.environ["PATH"], "UV_CALLS": str(self.calls), "ESTORE_PYTHON": sys.executable}

    def start(
        self, *words: str, program: Path | None = None, cwd: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program or self.folder / "estore", *words],
            cwd=cwd or self.folder,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *words: str, program: Path | None = None, cwd: Path | None = None, **env: str
    ) -> tuple[int, str, str]:
        process = self.start(*words, program=program, cwd=cwd, **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def installed(self) -> list[str]:
        """The locks that were installed, in order."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [Path(line.split(" -r ")[1]).name for line in lines]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "a clone")


def test_it_installs_once_and_passes_the_words_on(clone: Clone) -> None:
    code, out, err = clone.run("up", "--port", "8000")
    again = clone.run("up")

    assert (code, out) == (0, f"cli up --port 8000 {clone.folder}\n")
    assert "installing 1 packages" in err
    assert again[2] == ""
    assert clone.installed == ["requirements.lock"]


def test_test_and_bench_install_what_developers_need(clone: Clone) -> None:
    clone.run("--verbose", "test")
    clone.run("up")
    clone.run("bench")

    assert clone.installed == ["requirements-dev.lock"]


def test_a_changed_lock_is_installed_again(clone: Clone) -> None:
    clone.run("up")
    (clone.folder / "requirements.lock").write_text("other==2\n")
    clone.run("up")

    assert clone.installed == ["requirements.lock"] * 2


def test_it_works_through_a_symlink_from_another_folder(clone: Clone, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("a clone/estore")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "typing.py").write_text("raise SystemExit('a file of the caller was imported')")

    code, out, _ = clone.run("up", program=link, cwd=elsewhere)

    assert (code, out) == (0, f"cli up {elsewhere}\n")


def test_two_at_once_install_once(clone: Clone) -> None:
    both = [clone.start("up", UV_SLEEP="1") for _ in range(2)]
    codes = [process.communicate(timeout=60) and process.returncode for process in both]

    assert codes == [0, 0]
    assert clone.installed == ["requirements.lock"]


def test_a_killed_installation_is_done_again(clone: Clone) -> None:
    process = clone.start("up", UV_SLEEP="30")
    while not clone.installed:
        time.sleep(0.01)
    os.killpg(process.pid, 9)
    process.communicate()

    assert (clone.folder / ".venv.lock").exists()
    assert clone.run("up")[0] == 0
    assert not (clone.folder / ".venv.lock").exists()
    assert clone.installed == ["requirements.lock"] * 2


def test_an_old_or_missing_python_is_told_in_one_line(clone: Clone) -> None:
    for wrong in ("/bin/true", "/nowhere/python"):
        code, _, err = clone.run("up", ESTORE_PYTHON=wrong)

        assert (code, err) == (1, f"estore: ESTORE_PYTHON={wrong} is not a Python 3.11 or newer\n")
