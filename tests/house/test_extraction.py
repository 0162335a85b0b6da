"""A service can move out: the kit, the contracts and one service with its tests, copied alone, need nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from estore.cli import compose as composed

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "estore"
SERVICES = sorted(path.parent.name for path in (SRC / "services").glob("*/__init__.py"))

# Whatever a test imports is imported when it is collected; to run them all twice would take too long.
ALONE = """
import importlib, pkgutil, sys
import pytest
sys.path.insert(0, sys.argv[1])
import estore
assert estore.__file__.startswith(sys.argv[1]), estore.__file__
service = importlib.import_module(f"estore.services.{sys.argv[2]}")
for room in pkgutil.walk_packages(service.__path__, service.__name__ + "."):
    importlib.import_module(room.name)
code = pytest.main(["-q", "--collect-only", "--no-summary", f"tests/{sys.argv[2]}"])
foreign = [name for name in sys.modules if name.startswith("estore.services.") and name.split(".")[2] != sys.argv[2]]
assert not foreign, foreign
sys.exit(code)
"""


def test_every_service_is_composed() -> None:
    assert set(composed.SERVICES) == set(SERVICES), "cli/compose.py names the services of the store"


@pytest.fixture
def moved_out(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A service's name, and the folder that holds nothing but the kit, the contracts, it and its tests."""
    service: str = request.param
    # With what is compiled already, or each copy is compiled anew. What somebody compiles at this moment has another
    # name until it is whole, and is gone when it is to be copied.
    unfinished = shutil.ignore_patterns("*.pyc.*")
    for part in ("kit", "contracts", f"services/{service}"):
        shutil.copytree(SRC / part, tmp_path / "src/estore" / part, ignore=unfinished)
    for part in ("__init__.py", "services/__init__.py"):
        shutil.copy(SRC / part, tmp_path / "src/estore" / part)
    for part in ("support", service):
        shutil.copytree(ROOT / "tests" / part, tmp_path / "tests" / part, ignore=unfinished)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return service, tmp_path


@pytest.mark.parametrize("moved_out", SERVICES, indirect=True)
def test_a_service_and_its_tests_import_without_the_others(moved_out: tuple[str, Path]) -> None:
    service, folder = moved_out
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder / "src"), service],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert f"tests/{service}/test_" in done.stdout
