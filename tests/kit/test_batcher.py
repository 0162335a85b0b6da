"""Natural batching."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from estore.kit.batcher import Batcher


async def doubled(items: Sequence[int]) -> list[int]:
    await asyncio.sleep(0)
    return [item * 2 for item in items]


async def test_who_was_answered_may_ask_again_at_once() -> None:
    batcher = Batcher(doubled)

    async with asyncio.timeout(60):
        assert [await batcher.submit(item) for item in range(3)] == [0, 2, 4]


async def test_what_arrives_meanwhile_is_the_next_batch() -> None:
    sizes: list[int] = []

    async def flush(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return await doubled(items)

    batcher = Batcher(flush, at_most=4)
    async with asyncio.timeout(60):
        await asyncio.gather(*(batcher.submit(item) for item in range(10)))

    assert sizes == [4, 4, 2]
