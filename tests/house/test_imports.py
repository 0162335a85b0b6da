"""Who may import what: the real tree keeps the contracts, and a tree that breaks one is found out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / ".importlinter"
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def lint(source: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--config", CONTRACTS, "--no-cache"],
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_store_keeps_its_contracts() -> None:
    code, said = lint(ROOT / "src")

    assert code == 0, said


GOOD = {
    "cli": "from estore.services.a import app",
    "contracts": "from estore.kit import errors",
    "kit/__init__": "",
    "kit/errors": "",
    "kit/db/__init__": "import asyncpg",
    **dict.fromkeys((f"kit/{name}" for name in ("bus", "endpoint", "http", "runtime", "service", "telemetry")), ""),
    "services/__init__": "",
    "services/a/__init__": "",
    "services/a/app": "from estore.services.a import routes, jobs",
    "services/a/routes": "from estore.services.a import endpoints",
    "services/a/jobs": "from estore.services.a import endpoints, gateways",
    "services/a/endpoints": "from estore.services.a import service",
    "services/a/gateways": "import httpx",
    "services/a/service": "from estore.services.a import store, domain",
    "services/a/store": "from estore.services.a import domain\nfrom estore.kit import db",
    "services/a/domain": "from estore.kit import errors",
    "services/b/__init__": "",
    "services/b/consumers": "import estore.contracts",
    "services/b/domain": "",
}


def tree(folder: Path, **changed: str) -> Path:
    for name, text in {"__init__": "", **GOOD, **changed}.items():
        path = folder / "estore" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_tree_that_keeps_every_rule_passes(tmp_path: Path) -> None:
    code, said = lint(tree(tmp_path))

    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("kit/errors", "import estore.contracts", "Floors"),
        ("services/b/domain", "from estore.services.a import domain", "Services are blind"),
        ("services/a/domain", "from estore.services.a import store", "Rooms"),
        ("services/a/service", "from estore.services.a import gateways", "Rooms"),
        ("services/a/domain", "import asyncpg", "A domain imports no driver"),
        ("services/a/domain", "from estore.kit import db", "A domain imports no driver"),
        ("services/a/routes", "from estore.services.a import store", "Routes and consumers never"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, module: str, line: str, broken: str) -> None:
    code, said = lint(tree(tmp_path, **{module: line}))

    assert code != 0
    assert any(broken in report and "BROKEN" in report for report in said.splitlines()), said
