"""A service can move out: the kit, the contracts and one service, copied alone, import in a process of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "estore"
SERVICES = sorted(path.parent.name for path in (SRC / "services").glob("*/__init__.py"))

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import estore
assert estore.__file__.startswith(sys.argv[1]), estore.__file__
service = importlib.import_module(f"estore.services.{sys.argv[2]}")
for room in pkgutil.walk_packages(service.__path__, service.__name__ + "."):
    importlib.import_module(room.name)
foreign = [name for name in sys.modules if name.startswith("estore.services.") and name.split(".")[2] != sys.argv[2]]
assert not foreign, foreign
"""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_without_the_others(service: str, tmp_path: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ("kit", "contracts", f"services/{service}"):
        shutil.copytree(SRC / part, tmp_path / "estore" / part, ignore=ignore)
    for part in ("__init__.py", "services/__init__.py"):
        shutil.copy(SRC / part, tmp_path / "estore" / part)
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL, str(tmp_path), service],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
