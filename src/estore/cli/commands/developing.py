"""Commands for who works on the store itself: `openapi`, `bench`, `test`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from estore.cli.commands.failures import fail
from estore.kit.settings import Settings


def openapi(
    events: Annotated[bool, typer.Option("--events", help="The events instead, as an AsyncAPI 3 document.")] = False,
) -> None:
    """Print the OpenAPI 3.1 document of all services."""
    from estore.cli import asyncapi
    from estore.cli import openapi as openapi_command
    from estore.cli.compose import SERVICES, build

    if events:
        print(json.dumps(asyncapi.document(SERVICES, openapi_command.package_version()), indent=2))
        return
    settings = Settings(database_url="postgresql://localhost/estore", secret="-", environment={})  # noqa: S106 - nothing is signed
    print(json.dumps(openapi_command.document(build(settings)), indent=2))


def bench(ctx: typer.Context) -> None:
    """Measure the store against this machine's own limits (`estore bench --help`)."""
    root = Path(__file__).parents[4]
    if not (root / "bench").is_dir():
        fail("the bench is beside the sources: run it from a clone of the repository")
    os.environ["PYTHONPATH"] = str(root)
    os.execv(sys.executable, [sys.executable, "-m", "bench.run", *ctx.args])  # noqa: S606 - our own module


def run_tests(
    ctx: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out types and slow tests, and say so.")] = False,
) -> None:
    """Run everything that must pass: format, lint, types, imports, and the tests on real servers."""
    from estore import checks

    raise SystemExit(checks.main(ctx.args, fast=fast))
