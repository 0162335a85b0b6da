"""Prometheus' own checker of rules and series: the one that is here, or the one of Debian's package, unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Beside the other programs of the tests: it goes where .venv goes, and no service is installed with it.
KEPT = Path(sys.prefix) / "bin" / "promtool"
MEMBER = "./usr/bin/promtool"
TIMEOUT = 600


def promtool() -> Path:
    """Return where promtool is; fetch it first where there is none (Debian, 19 MB, once).

    It is taken out of the package of Prometheus, which would bring a server that starts.
    """
    if found := shutil.which("promtool"):
        return Path(found)
    if not KEPT.exists():
        _unpack()
    return KEPT


def _unpack() -> None:
    if shutil.which("apt-get") is None:
        pytest.fail("promtool is not here: install Prometheus, which brings it")
    with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
        said = _run(["apt-get", "download", "prometheus"], folder)
        if said.returncode != 0 and os.geteuid() == 0:
            # A machine whose lists of packages are old, or are not there yet.
            _run(["apt-get", "update"], folder)
            said = _run(["apt-get", "download", "prometheus"], folder)
        packages = list(Path(folder).glob("prometheus_*.deb"))
        if said.returncode != 0 or not packages:
            pytest.fail(f"promtool is not here (Debian: apt-get install prometheus): {said.stdout[-300:]}")
        made = Path(folder) / "promtool"
        unpack = ["dpkg-deb", "--fsys-tarfile", packages[0]]
        with made.open("wb") as file, subprocess.Popen(unpack, stdout=subprocess.PIPE) as package:
            subprocess.run(["tar", "-xO", MEMBER], stdin=package.stdout, stdout=file, check=True, timeout=TIMEOUT)
        made.chmod(0o755)
        # Whole or not at all, should two come here at once.
        made.replace(KEPT)


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=TIMEOUT
    )
