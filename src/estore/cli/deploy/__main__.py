"""Writes the generated files of `deploy/`: `python -m estore.cli.deploy`. A test holds them against this."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from estore.cli.deploy import gateway, kubernetes, postgres

ROOT = Path(__file__).parents[4]


def files() -> Mapping[str, str]:
    """Return path, from the root of the repository -> text."""
    return {
        "deploy/gateway/nginx.conf": gateway.render(),
        "deploy/gateway/kept.conf": gateway.kept(),
        "deploy/gateway/fresh.conf": gateway.fresh(),
        "deploy/compose/databases.sql": postgres.script(),
        **kubernetes.files(),
    }


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m estore.cli.deploy", description=__doc__).parse_args()
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")
        print(path)
