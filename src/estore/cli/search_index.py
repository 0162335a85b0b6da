"""Copies of the search index."""

from __future__ import annotations

from pathlib import Path

from estore.kit.settings import Settings
from estore.services.search.app import folder_of


def copy(settings: Settings, target: Path) -> int:
    """Copy the index that answers on this machine into the new folder `target`; returns the number of the last change
    in it. Raises IndexMissing, FileExistsError, OSError."""
    return folder_of(settings).copy(target).position
