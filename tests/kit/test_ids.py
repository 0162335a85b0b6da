"""Ids sort by time, never repeat, and are ULIDs."""

from __future__ import annotations

import os
import pickle
import time
from uuid import UUID

import msgspec
import pytest
from ulid import ULID

from estore.kit.ids import age_of, new_id, new_message_id


def test_an_id_is_a_prefix_and_a_ulid() -> None:
    prefix, _, ulid = new_id("ord").partition("_")

    assert prefix == "ord"
    assert str(ULID.from_str(ulid)) == ulid


def test_ids_do_not_repeat() -> None:
    assert len({new_id("x") for _ in range(20_000)}) == 20_000


def test_an_id_tells_its_age() -> None:
    age = age_of(new_id("crt"))

    assert age is not None
    assert age >= 0
    assert age_of("crt_00000000010000000000000000") == pytest.approx(time.time() - 0.001, abs=3600)
    assert [age_of(one) for one in ("", "crt_1", "crt_" + "U" * 26, "crt_" + "0" * 27)] == [None] * 4


def test_message_ids_grow() -> None:
    ids = [new_message_id() for _ in range(5_000)]

    assert ids == sorted(set(ids))


def test_a_message_id_is_a_uuid_like_any_other() -> None:
    ours = new_message_id()
    theirs = UUID(str(ours))

    assert isinstance(ours, UUID)
    assert (ours, hash(ours), ours.int) == (theirs, hash(theirs), theirs.int)
    assert pickle.loads(pickle.dumps(ours)) == theirs
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ours), type=UUID) == theirs


def test_every_character_is_drawn_in_every_place() -> None:
    drawn = [new_id("x")[-16:] for _ in range(5_000)]

    assert {len(set(place)) for place in zip(*drawn, strict=True)} == {32}


def test_a_forked_process_draws_its_own() -> None:
    new_id("x")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(new_id("x")[-16:] for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 50 * 16).decode()
    ours = {new_id("x")[-16:] for _ in range(50)}

    assert not ours & {theirs[i : i + 16] for i in range(0, len(theirs), 16)}
