"""Compiles what the store imports, when an image is made: `python -m estore.cli.deploy.bytecode`.

Prevents: a container with a read-only root that compiles half a million lines at every start, and an image that is a
third larger for bytecode of what nobody imports.
"""

from __future__ import annotations

import importlib
import pkgutil
import py_compile
import sys
from pathlib import Path

import estore
from estore.cli.compose import SERVICES
from estore.cli.deploy import composed
from estore.cli.openapi import document

# Imported where they are switched on, not before.
LATE = ("stripe", "reportlab.platypus", "schwifty", "sepaxml", "uvicorn.protocols.http.httptools_impl")

# Servers of one's own: not in a container.
NEVER = ("estore.kit.embedded",)


def main() -> int:
    """Import everything, and compile what that imported. Returns how many files."""
    for module in pkgutil.walk_packages(estore.__path__, "estore."):
        if not module.name.endswith(("__main__", ".healthy", ".bytecode")) and not module.name.startswith(
            "estore.kit.embedded"
        ):
            importlib.import_module(module.name)
    for name in (*(f"estore.services.{service}.app" for service in SERVICES), *LATE):
        importlib.import_module(name)
    document(composed())
    files = {Path(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    ours = sorted(path for path in files if path.suffix == ".py" and not path.is_relative_to(sys.base_prefix + "/lib"))
    for path in ours:
        py_compile.compile(str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return len(ours)


if __name__ == "__main__":
    print(f"{main()} files compiled")
