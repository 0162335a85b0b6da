"""Where the index lies, and what it was made of.

```
<root>/writer.lock         held by the process that writes
<root>/current             a link to the generation that answers
<root>/g-7f3a/             a generation: tantivy's files, and state.json
```
`state.json` is written after tantivy's commit: what it says is in the index, and perhaps a little more, which is then
read again. A folder that cannot be read, or was made of another store or schema, is made anew.

A copy that was made while somebody wrote may be torn: a state that is newer than the commit beside it is none, and a
copy of `Folder.copy` says in `whole.json` what it must hold, which is looked at once, before it is first written to.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import zlib
from pathlib import Path
from typing import IO

import msgspec

from estore.services.search.domain.errors import IndexMissing
from estore.services.search.store.index.schema import SCHEMA_VERSION

META, MANAGED, WHOLE = "meta.json", ".managed.json", "whole.json"
TRIES = 20


class State(msgspec.Struct, frozen=True):
    """What a generation was made of. position: the number of the last change in it. commit: tantivy's, that has it."""

    store_id: str
    generation: int
    position: int
    language: str
    schema: int = SCHEMA_VERSION
    commit: int = 0

    def follows(self, other: State) -> bool:
        """Tell whether an index of this state can be brought to `other` by reading changes."""
        mine = (self.store_id, self.language, self.schema)
        return mine == (other.store_id, other.language, other.schema) and self.position <= other.position

    def fits(self, other: State) -> bool:
        """Tell whether it need not be made anew."""
        return self.follows(other) and self.generation == other.generation


class _Deletes(msgspec.Struct, frozen=True):
    opstamp: int


class _Segment(msgspec.Struct, frozen=True):
    segment_id: str
    deletes: _Deletes | None = None

    @property
    def name(self) -> str:
        return self.segment_id.replace("-", "")


class _Meta(msgspec.Struct, frozen=True):
    """What we read of tantivy's meta.json: the number of the commit, and of what it consists."""

    opstamp: int
    segments: tuple[_Segment, ...]


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
        """Return what `generation` was made of, None where that cannot be read, or is of a later commit than the one
        that is there."""
        try:
            state = msgspec.json.decode((generation / "state.json").read_bytes(), type=State)
            meta = msgspec.json.decode((generation / META).read_bytes(), type=_Meta)
        except (OSError, msgspec.MsgspecError):
            return None
        return state if meta.opstamp >= state.commit else None

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

    # --- copies -----------------------------------------------------------------------------------------------------

    def copy(self, target: Path) -> State:
        """Put the generation that answers into the new folder `target`, as hard links where that is one disk: what
        tantivy wrote it never changes. Returns its state; it may be written to meanwhile.

        Raises FileExistsError when `target` is there, IndexMissing where nothing answers, OSError.
        """
        target.mkdir(parents=True)
        for _ in range(TRIES):
            generation = self.current()
            state = self.state(generation) if generation is not None else None
            if generation is None or state is None:
                break
            made = target / generation.name
            try:
                if _linked(generation, made):
                    self._seal(made, state)
                    (target / "current").symlink_to(made.name)
                    return state
            except FileNotFoundError:
                # Merged away, or swapped, between our looks
                pass
            shutil.rmtree(made, ignore_errors=True)
        target.rmdir()
        raise IndexMissing()

    def _seal(self, generation: Path, state: State) -> None:
        self.save(generation, state)
        files = {file.name: _sum(file) for file in sorted(generation.iterdir())}
        (generation / WHOLE).write_bytes(msgspec.json.encode(files))

    def sealed(self, generation: Path) -> bool:
        """Tell whether `generation` is a copy that nobody has looked at yet."""
        return (generation / WHOLE).exists()

    def whole(self, generation: Path) -> bool:
        """Look once whether a copy holds all that it must, byte by byte. What is no copy is taken for whole."""
        seal = generation / WHOLE
        try:
            files = msgspec.json.decode(seal.read_bytes(), type=dict[str, tuple[int, int]])
            if any(_sum(generation / name) != expected for name, expected in files.items()):
                return False
            seal.unlink()
        except FileNotFoundError:
            return not seal.exists()
        except (OSError, msgspec.MsgspecError):
            return False
        return True

    def _tidy(self) -> None:
        kept = self.current()
        for old in self.root.glob("g-*"):
            if old != kept:
                shutil.rmtree(old, ignore_errors=True)


def _linked(generation: Path, made: Path) -> bool:
    """Link the files of `generation`'s last commit into `made`; returns whether it still is the last one.

    Files of later commits may be there, half written. Raises FileNotFoundError.
    """
    made.mkdir()
    meta = (generation / META).read_bytes()
    segments = msgspec.json.decode(meta, type=_Meta).segments
    deleted = {segment.name: f".{segment.deletes.opstamp}.del" for segment in segments if segment.deletes}
    names = {segment.name for segment in segments}
    copied = [META]
    for file in generation.iterdir():
        segment, rest = file.name[:32], file.name[32:]
        if segment in names and (not rest.endswith(".del") or rest == deleted.get(segment)):
            try:
                (made / file.name).hardlink_to(file)
            except OSError:
                # Another disk; or gone, which this says as well
                shutil.copyfile(file, made / file.name)
            copied.append(file.name)
    (made / META).write_bytes(meta)
    (made / MANAGED).write_bytes(msgspec.json.encode(copied))
    # Of the commit that is still the last one, no file has been taken away
    return (generation / META).read_bytes() == meta


def _sum(file: Path) -> tuple[int, int]:
    """Return the size and the CRC-32 of a file. Raises OSError."""
    size = checksum = 0
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
    return size, checksum
