"""Imports what the store imports, so that its bytecode is written: `python -m estore.cli.deploy.bytecode`, when an
image is made.

Prevents: a container with a read-only root that compiles half a million lines at every start, and an image that is a
sixth larger for bytecode of what nobody imports.
"""

from __future__ import annotations

import importlib
import pkgutil

import estore

# Servers of one's own: not in a container. And what is no module, but run.
NEVER = ("estore.kit.embedded", "estore.kit.rabbit_node")
RUN = ("__main__", ".healthy", ".bytecode")
# Imported where they are switched on, not before.
LATE = (
    "stripe",
    "reportlab.platypus",
    "schwifty",
    "sepaxml",
    "uvicorn.protocols.http.httptools_impl",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


def main() -> int:
    """Import everything. Returns how many modules of ours."""
    found = [module.name for module in pkgutil.walk_packages(estore.__path__, "estore.")]
    names = [name for name in found if not name.startswith(NEVER) and not name.endswith(RUN)]
    for name in (*names, *LATE):
        importlib.import_module(name)
    return len(names)


if __name__ == "__main__":
    print(f"{main()} modules imported")
