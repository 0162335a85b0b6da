"""A service can move out: the kit, the contracts and one service, copied alone, import in a process of their own."""

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
NOTHING_SELECTED = 5
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


def test_every_service_is_composed() -> None:
    assert set(composed.SERVICES) == set(SERVICES), "cli/compose.py names the services of the store"


@pytest.fixture
def moved_out(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A service's name, and the folder that holds nothing but the kit, the contracts, it and its tests."""
    service: str = request.param
    # With what is compiled already, or each copy is compiled anew.
    for part in ("kit", "contracts", f"services/{service}"):
        shutil.copytree(SRC / part, tmp_path / "src/estore" / part)
    for part in ("__init__.py", "services/__init__.py"):
        shutil.copy(SRC / part, tmp_path / "src/estore" / part)
    for part in ("support", service):
        shutil.copytree(ROOT / "tests" / part, tmp_path / "tests" / part)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return service, tmp_path


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))} | variables
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("moved_out", SERVICES, indirect=True)
def test_a_service_imports_without_the_others(moved_out: tuple[str, Path]) -> None:
    service, folder = moved_out
    done = run(folder, "-I", "-c", IMPORT_ALL, str(folder / "src"), service)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("moved_out", SERVICES, indirect=True)
def test_a_services_tests_need_no_other_service(moved_out: tuple[str, Path], admin_dsn: str) -> None:
    """All of them can be collected, and those of its rules pass; the rest takes too long to run twice."""
    service, folder = moved_out
    done = run(
        folder, "-m", "pytest", "-q", f"tests/{service}", "-k", "test_domain", ESTORE_TEST_DATABASE_URL=admin_dsn
    )

    assert done.returncode in (0, NOTHING_SELECTED), done.stdout[-3000:]
