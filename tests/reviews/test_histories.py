"""Random histories beside a model: whatever people do, and in whatever order, ratings and votes are the model's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estore.contracts.reviews import mean_of
from reviews.factories import TONWERK, Desk, erased, published

WRITERS = 4
LINKS = {True: "see www.example.org", False: "It is fine."}
_rounds = itertools.count()
writer = st.integers(0, WRITERS - 1)
step = st.one_of(
    st.tuples(st.just("post"), writer, st.integers(1, 5), st.booleans()),
    st.tuples(st.just("edit"), writer, st.integers(1, 5), st.booleans()),
    st.tuples(st.just("delete"), writer),
    st.tuples(st.just("vote"), writer, writer),
    st.tuples(st.just("unvote"), writer, writer),
    st.tuples(st.just("approve"), writer),
    st.tuples(st.just("reject"), writer),
    st.tuples(st.just("erase"), writer),
)


@dataclass
class Said:
    """What the model keeps of a review."""

    stars: int
    status: str
    suspicious: bool
    id: str
    votes: set[int] = field(default_factory=set)


class Model:
    """One product, a line per writer, and what their reviews come to."""

    def __init__(self) -> None:
        self.said: dict[int, Said] = {}
        self.suspect: set[int] = set()
        self.erased: set[int] = set()

    def post(self, who: int, stars: int, suspicious: bool) -> str | None:
        """Return the status of the new review; None: refused."""
        if who in self.said or who in self.erased:
            return None
        return "held" if suspicious or who in self.suspect else "published"

    def edit(self, who: int, stars: int, suspicious: bool) -> None:
        one = self.said[who]
        one.stars = stars
        if one.status != "published" or (suspicious and not one.suspicious):
            one.status = "held"
        one.suspicious = suspicious

    def counts(self) -> list[int]:
        stars = [one.stars for one in self.said.values() if one.status == "published"]
        return [stars.count(n) for n in range(1, 6)]


class Play:
    """Plays steps on the service and on the model."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.model, self.number = desk, Model(), next(_rounds)
        self.product, self.sku = f"prd_h{self.number}", f"H-{self.number}"
        self.lines: list[str] = []

    def account(self, who: int) -> str:
        return f"acc_h{self.number}_{who}"

    async def open(self) -> None:
        await self.desk.hear(published(self.product, self.sku))
        self.lines = [await self.desk.arrived(self.account(who), self.sku, TONWERK) for who in range(WRITERS)]

    async def step(self, what: str, who: int, *rest: Any) -> None:
        if what == "post":
            return await self._post(who, *rest)
        if what == "erase":
            self.model.erased.add(who)
            return await self.desk.hear(erased(self.account(who)))
        target = rest[0] if what in ("vote", "unvote") else who
        if (one := self.model.said.get(target)) is None:
            return None
        return await getattr(self, f"_{what}")(who, one, *rest)

    async def _post(self, who: int, stars: int, suspicious: bool) -> None:
        status = self.model.post(who, stars, suspicious)
        answer = await self.desk.post(self.account(who), self.lines[who], stars, text=LINKS[suspicious])
        assert (answer.status_code == 201) == (status is not None), answer.text
        if status is not None:
            assert answer.json()["status"] == status
            self.model.said[who] = Said(stars, status, suspicious, answer.json()["id"])

    async def _edit(self, who: int, one: Said, stars: int, suspicious: bool) -> None:
        if who in self.model.erased:
            return
        now = (await self.desk.operator.get(f"/v1/reviews/{one.id}")).json()
        changed = (stars, suspicious) != (one.stars, one.suspicious)
        answer = await self.desk.edit(self.account(who), now, stars=stars, text=LINKS[suspicious])
        assert answer.status_code == (200 if changed else 422), answer.text
        if changed:
            self.model.edit(who, stars, suspicious)

    async def _delete(self, who: int, one: Said) -> None:
        answer = await self.desk.buyer(self.account(who)).delete(f"/v1/reviews/{one.id}")
        assert answer.status_code == (404 if who in self.model.erased else 204)
        if answer.status_code == 204:
            if one.status != "published":
                self.model.suspect.add(who)
            del self.model.said[who]

    async def _vote(self, who: int, one: Said, target: int) -> None:
        answer = await self.desk.buyer(self.account(who)).put(f"/v1/reviews/{one.id}/helpful")
        counts = one.status == "published" and who != target and who not in self.model.erased
        assert (answer.status_code == 200) == counts
        if counts:
            one.votes.add(who)

    async def _unvote(self, who: int, one: Said, target: int) -> None:
        answer = await self.desk.buyer(self.account(who)).delete(f"/v1/reviews/{one.id}/helpful")
        if answer.status_code == 204:
            one.votes.discard(who)

    async def _approve(self, who: int, one: Said) -> None:
        await self.desk.approve({"id": one.id})
        one.status = "published"

    async def _reject(self, who: int, one: Said) -> None:
        await self.desk.reject({"id": one.id})
        one.status = "rejected"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=5, max_size=25))
async def test_ratings_and_votes_are_the_models(open_desk: Desk, steps: list[tuple[Any, ...]]) -> None:
    play = Play(open_desk)
    await play.open()
    for what, who, *rest in steps:
        await play.step(what, who, *rest)
    counts = play.model.counts()
    found = await open_desk.summary(play.product)
    rows = await open_desk.listed(f"product={play.product}")
    told = await open_desk.told(play.product)

    assert list(found["histogram"].values()) == counts
    assert found["mean"] == mean_of(sum(n * count for n, count in enumerate(counts, 1)), sum(counts))
    assert {row["id"]: row["helpful"] for row in rows} == {
        one.id: len(one.votes) for one in play.model.said.values() if one.status == "published"
    }
    if told:
        votes, stars, _ = max(told, key=lambda one: one[2])
        assert (votes, stars) == (sum(counts), sum(n * count for n, count in enumerate(counts, 1)))
    assert bool(told) or sum(counts) == 0
    assert await open_desk.world.broken("reviews") == {}
