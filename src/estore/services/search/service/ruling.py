"""Use cases of the operator: synonyms, stop words, what is not suggested, and rules for products."""

from __future__ import annotations

from collections.abc import Sequence

from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.http.pages import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.services.search import store
from estore.services.search.domain.errors import (
    ProductUnknown,
    RuleExists,
    RuleInvalid,
    RuleUnknown,
    VersionChanged,
    WordsInvalid,
)
from estore.services.search.domain.text import kept, words_of
from estore.services.search.service import shapes
from estore.services.search.service.rulebook import Rulebook


class Ruling:
    """What the operator changes; this process follows at once, the others within a second."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    async def put_synonyms(self, tx: Tx, ctx: Context, request: shapes.PutSynonyms) -> shapes.Synonyms:
        """Replace the synonyms. Raises WordsInvalid, VersionChanged."""
        for at, group in enumerate(request.groups):
            _readable(group, f"/groups/{at}")
            if len({tuple(words_of(member)) for member in group}) < 2:
                raise WordsInvalid("these are all the same word", pointer=f"/groups/{at}")
        row = await self._put(tx, ctx, "synonyms", request.groups)
        return shapes.Synonyms(row["body"], row["version"])

    async def put_stop_words(self, tx: Tx, ctx: Context, request: shapes.PutStopWords) -> shapes.StopWords:
        """Replace the stop words. Raises WordsInvalid, VersionChanged."""
        _readable(request.words, "/words")
        row = await self._put(tx, ctx, "stop_words", request.words)
        return shapes.StopWords(row["body"], row["version"])

    async def put_unsuggested(self, tx: Tx, ctx: Context, request: shapes.PutUnsuggested) -> shapes.Unsuggested:
        """Replace what is not suggested. Raises WordsInvalid, VersionChanged."""
        _readable(request.queries, "/queries")
        row = await self._put(tx, ctx, "unsuggested", request.queries)
        return shapes.Unsuggested(row["body"], row["version"])

    async def _put(self, tx: Tx, ctx: Context, name: str, body: Sequence[object]) -> Record:
        versions = None if ctx.if_match is None else ctx.if_match.numbers
        row = await store.rules.put_words(tx, name, list(body), versions)
        if row is None:
            raise VersionChanged()
        tx.after_commit(self._rulebook.forget)
        return row

    async def create_rule(self, tx: Tx, ctx: Context, request: shapes.CreateRule) -> shapes.RuleOut:
        """Pin, boost or bury a product. Raises ProductUnknown, RuleInvalid, RuleExists."""
        query = kept(request.query)
        if request.query and not query:
            raise RuleInvalid("nothing in it can be searched for", pointer="/query")
        if request.action == "pin" and not query:
            raise RuleInvalid("a product is pinned for a query", pointer="/query")
        if request.product_id not in await store.documents.keys_of(tx, [request.product_id]):
            raise ProductUnknown(pointer="/product_id")
        made = shapes.RuleOut(new_id("rul"), query, request.product_id, request.action, request.position, ctx.now)
        if not await store.rules.insert(
            tx, made.id, made.query, made.product_id, made.action, made.position, made.created_at
        ):
            raise RuleExists("delete the one that there is first")
        tx.after_commit(self._rulebook.forget)
        return made

    async def delete_rule(self, tx: Tx, ctx: Context, request: str) -> shapes.Nothing:
        """Take a rule away. Raises RuleUnknown."""
        if not await store.rules.delete(tx, request):
            raise RuleUnknown()
        tx.after_commit(self._rulebook.forget)
        return shapes.Nothing()


async def list_rules(tx: Tx, ctx: Context, request: shapes.Pages) -> Page[shapes.RuleOut]:
    """Return a page of the rules, oldest first."""
    rows = await store.rules.page(tx, text_in(request.cursor) or "", request.limit + 1)
    rules = [shapes.RuleOut(*(row[name] for name in shapes.RuleOut.__struct_fields__)) for row in rows]
    return page_of(rules, request.limit, lambda rule: (rule.id,))


async def get_synonyms(tx: Tx, ctx: Context, request: None) -> shapes.Synonyms:
    row = await store.rules.words(tx, "synonyms")
    return shapes.Synonyms(row["body"], row["version"])


async def get_stop_words(tx: Tx, ctx: Context, request: None) -> shapes.StopWords:
    row = await store.rules.words(tx, "stop_words")
    return shapes.StopWords(row["body"], row["version"])


async def get_unsuggested(tx: Tx, ctx: Context, request: None) -> shapes.Unsuggested:
    row = await store.rules.words(tx, "unsuggested")
    return shapes.Unsuggested(row["body"], row["version"])


def _readable(words: Sequence[str], pointer: str) -> None:
    for at, word in enumerate(words):
        if not words_of(word):
            raise WordsInvalid("there is no letter and no digit in it", pointer=f"{pointer}/{at}")
