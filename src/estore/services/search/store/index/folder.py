"""Where the index lies, and what it was made of.

```
<root>/writer.lock         held by the process that writes
<root>/current             a link to the generation that answers
<root>/g-7f3a/             a generation: tantivy's files, and state.json
```
`state.json` is written after tantivy's commit: what it says is in the index, and perhaps a little more, which is then
read again. A folder that cannot be read, or was made of another store or schema, is made anew.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

import msgspec

from estore.services.search.store.index.schema import SCHEMA_VERSION


class State(msgspec.Struct, frozen=True):
    """What a generation was made of. position: the number of the last change in it."""

    store_id: str
    generation: int
    position: int
    language: str
    schema: int = SCHEMA_VERSION

    def follows(self, other: State) -> bool:
        """Tell whether an index of this state can be brought to `other` by reading changes."""
        mine = (self.store_id, self.language, self.schema)
        return mine == (other.store_id, other.language, other.schema) and self.position <= other.position

    def fits(self, other: State) -> bool:
        """Tell whether it need not be made anew."""
        return self.follows(other) and self.generation == other.generation


class Folder:
    """One folder per machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: IO[str] | None = None

    def lock(self) -> bool:
        """Become the one that writes, for as long as this process lives or until `unlock`. False: another one is."""
        if self._lock is not None:
            return True
        self.root.mkdir(parents=True, exist_ok=True)
        file = (self.root / "writer.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def current(self) -> Path | None:
        """Return the generation that answers, None before the first one is whole."""
        try:
            return self.root / os.readlink(self.root / "current")  # noqa: PTH115 - asked at every search
        except OSError:
            return None

    def state(self, generation: Path) -> State | None:
        """Return what `generation` was made of, None where that cannot be read."""
        try:
            return msgspec.json.decode((generation / "state.json").read_bytes(), type=State)
        except (OSError, msgspec.MsgspecError):
            return None

    def save(self, generation: Path, state: State) -> None:
        fresh = generation / "state.new"
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.rename(generation / "state.json")

    def begin(self) -> Path:
        """Return a new, empty generation. Those that nobody finished are gone."""
        self._tidy()
        made = self.root / f"g-{secrets.token_hex(4)}"
        made.mkdir(parents=True)
        return made

    def swap(self, generation: Path) -> None:
        """Let `generation` answer. Who reads the old one has its files open, and reads on."""
        fresh = self.root / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(generation.name)
        fresh.rename(self.root / "current")
        self._tidy()

    def _tidy(self) -> None:
        kept = self.current()
        for old in self.root.glob("g-*"):
            if old != kept:
                shutil.rmtree(old, ignore_errors=True)
