"""Composition root of search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import Settings
from estore.services.search import NAME, endpoints
from estore.services.search.consumers import subscriptions
from estore.services.search.jobs import IndexWork, jobs
from estore.services.search.routes import routes
from estore.services.search.service import Desk, Indexing, Rulebook, Ruling, Statistics, Tally
from estore.services.search.store import INVARIANTS
from estore.services.search.store.index import Folder, Reader, Text

Language = Literal[
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "italian", "norwegian",
    "portuguese", "romanian", "russian", "spanish", "swedish", "tamil", "turkish",
]  # fmt: skip


class SearchSettings(msgspec.Struct, frozen=True):
    """language: whose endings are cut off words; another one has the index made anew. folder: of the index, one per
    machine, shared by its processes; empty: `search` in the data folder. threads: that search at once in a process.
    piece: products that are read and written at once.
    """

    language: Language = "english"
    folder: str = ""
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    piece: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 2000


def folder_of(settings: Settings) -> Folder:
    """Return the folder of this machine's index."""
    own = settings.section(NAME, SearchSettings)
    return Folder(Path(own.folder) if own.folder else settings.data / "search")


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose search."""
    own = settings.section(NAME, SearchSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    folder = folder_of(settings)
    text = Text(own.language)
    reader, rulebook, tally = Reader(folder, text), Rulebook(), Tally()
    e = endpoints.build(
        edge,
        Desk(reader, rulebook, tally, own.threads),
        Ruling(rulebook),
        Statistics(tally),
        Indexing(folder, reader, own.language, own.piece),
    )
    work = IndexWork(e, folder, text, clock)
    return Service(
        name=NAME,
        prefixes=("/v1/search",),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e),
        subscriptions=subscriptions(e),
        jobs=jobs(e, work, clock),
        invariants=[Invariant(*rule) for rule in INVARIANTS],
        # A new machine answers nothing before its folder is made: two minutes for a million products.
        lacks=lambda: "" if folder.current() else "the index of search is being made",
        stop=[work.stop],
    )
