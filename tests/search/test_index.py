"""The index follows the documents, whatever happens to it: kills, copies, late replicas, rebuilds, other processes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from estore.services.search.store import changes
from estore.services.search.store.index import Folder, Reader, Text, Wanted
from search.factories import Shop, archived, bought, changed, published, rated, repriced, stock
from support.databases import Databases
from support.waiting import until
from support.world import world


def root(shop: Shop) -> Path:
    return shop.world.settings.data / "search"


@asynccontextmanager
async def another(databases: Databases, shop: Shop, folder: Path | None = None, **environment: str) -> Any:
    """Another process on the same database: with the same folder, or one of its own."""
    if folder is not None:
        environment["ESTORE_SEARCH_FOLDER"] = str(folder)
    async with world(databases, "search", dsn=shop.world.dsn, **environment) as made:
        other = Shop(made)
        yield other
        await release(other)


async def release(shop: Shop) -> None:
    """What the end of its process does, without a chance to tidy up."""
    for stop in shop.world.service("search").stop:
        await stop()


async def test_changes_are_found_and_older_ones_change_nothing(shop: Shop) -> None:
    await shop.sell("mug", "Red Mug")
    await shop.hear(changed("mug", "Blue Mug", version=3), changed("mug", "Green Mug", version=2))
    await shop.hear(repriced("mug", 700, 4), repriced("mug", 900, 3), stock("mug", 0, 3), stock("mug", 9, 2))
    await shop.hear(rated("mug", 2, 10, 2), rated("mug", 1, 1, 1))
    [hit] = (await shop.search("blue mug", price_max=800, in_stock="false", rating=5))["data"]
    repeated = (await shop.search("mug"))["total"]
    await shop.hear(archived("mug", 5), changed("mug", "Late Mug", version=4))

    assert (hit["title"], hit["price"]["min"]["amount"], hit["available"]) == ("Blue Mug", 700, 0)
    assert hit["rating"] == {"votes": 2, "mean": "5.00"}
    assert repeated == 1
    assert await shop.names("") == []


async def test_what_overtakes_the_product_is_kept_for_it(shop: Shop) -> None:
    await shop.hear(stock("mug", 7), rated("mug", 1, 4), bought("mug"), repriced("mug", 500, 2))
    await shop.hear(published("mug", "Mug", price=1000))
    [hit] = (await shop.search("mug"))["data"]
    await shop.hear(archived("cup", 2), published("cup", "Cup", version=1))

    assert (hit["available"], hit["rating"]["votes"], hit["price"]["min"]["amount"]) == (7, 1, 500)
    assert await shop.names("cup") == []


async def test_a_message_that_comes_twice_counts_once(shop: Shop) -> None:
    await shop.sell("mug")
    sale = shop.world.envelope(bought("mug"))
    await shop.world.deliver("search", sale, sale)

    [row] = await shop.world.fetch("search", "SELECT popularity FROM document")
    assert row["popularity"] == 1


async def test_of_what_is_sold_often_the_index_is_told_once(shop: Shop) -> None:
    await shop.sell("mug")
    await shop.sell("cup")
    await shop.index()
    for _ in range(5):
        await shop.world.deliver("search", bought("mug", "cup"))
    await shop.run("index")
    before = await shop.world.fetch("search", "SELECT product_id FROM pending")
    await shop.run("tell-sold")
    told = await shop.world.fetch("search", "SELECT product_id FROM pending ORDER BY product_id")

    assert before == []
    assert [row["product_id"] for row in told] == ["prd_cup", "prd_mug"]


async def test_processes_that_tell_of_sales_at_once_leave_none_out(shop: Shop, databases: Databases) -> None:
    names = [f"m{number}" for number in range(40)]
    await shop.world.deliver_batch("search", [published(name, "Mug") for name in names])
    await shop.index()
    async with another(databases, shop) as other:
        sales = [shop.world.deliver("search", bought(name)) for name in names]
        await asyncio.gather(*sales, *(each.run("tell-sold") for each in (shop, other) for _ in range(5)))
        await other.run("tell-sold")
    told = await shop.world.fetch("search", "SELECT DISTINCT product_id FROM pending")

    assert {row["product_id"] for row in told} == {f"prd_{name}" for name in names}
    assert await shop.world.fetch("search", "SELECT * FROM sold") == []


async def test_a_variant_that_leaves_takes_its_price_along(shop: Shop) -> None:
    await shop.hear(published("mug", "Mug", skus=("mug-a", "mug-b")))
    await shop.hear(changed("mug", "Mug", skus=("mug-b",), version=2, price=3000))
    [hit] = (await shop.search("mug-b"))["data"]

    assert hit["price"]["min"]["amount"] == 3000
    rows = await shop.world.fetch("search", "SELECT sku, listed FROM offer ORDER BY sku")
    assert rows == [{"sku": "mug-a", "listed": False}, {"sku": "mug-b", "listed": True}]


async def test_many_consumers_at_once_leave_nothing_out(shop: Shop) -> None:
    names = [f"m{number}" for number in range(20)]
    await shop.world.deliver_batch("search", [published(name, "Mug") for name in names])
    events = [stock(name, 5, version) for version in (2, 3) for name in names] + [rated(n, 1, 5) for n in names]
    await asyncio.gather(*(shop.world.deliver("search", event) for event in events), shop.index(), shop.index())
    await shop.index()

    assert (await shop.search("mug", in_stock="true", rating=5))["total"] == 20


async def test_a_bulk_makes_neither_prices_nor_stock_wait(shop: Shop) -> None:
    names = [f"m{number}" for number in range(30)]
    await shop.world.deliver_batch("search", [published(name, "Mug") for name in names])
    await shop.world.deliver_batch("search", [repriced(name, 99, 2) for name in names[10:]])
    await shop.world.deliver("search", stock("m5", 3))
    async with shop.world.service("search").db.transaction() as tx:
        await changes.number(tx, 6)
    numbered = {row["product_id"] for row in await shop.world.fetch("search", "SELECT product_id FROM change")}
    await shop.index()

    assert "prd_m5" in numbered
    assert len(numbered & {f"prd_{name}" for name in names[10:]}) >= 2
    assert {"prd_m0", "prd_m1"} <= numbered
    assert len(numbered) == 6
    assert (await shop.search("mug"))["total"] == 30


async def test_one_process_writes_and_the_others_read(shop: Shop, databases: Databases) -> None:
    async with another(databases, shop) as other:
        await shop.sell("mug", "Mug")
        await other.index()
        nobody = (await shop.names("mug"), await other.names("mug"))
        await shop.index()
        both = (await shop.names("mug"), await other.names("mug"))
        await release(shop)
        await other.world.deliver("search", published("cup", "Cup"))
        await other.index()

        assert (nobody, both) == (([], []), (["mug"], ["mug"]))
        assert await shop.names("cup") == ["cup"]


async def test_a_replica_that_starts_late_and_one_with_a_copied_folder_catch_up(
    shop: Shop, databases: Databases, tmp_path: Path
) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    shutil.copytree(root(shop), tmp_path / "copied", symlinks=True)
    await shop.sell("cup", "Cup")
    await shop.hear(archived("mug", 2))
    found = []
    for folder in ("late", "copied"):
        async with another(databases, shop, tmp_path / folder) as other:
            before = (await other.get("", q="")).status_code
            state = Folder(tmp_path / folder).current()
            await other.index()
            found.append((before, await other.names(""), state == Folder(tmp_path / folder).current()))

    assert found == [(503, ["cup"], False), (200, ["cup"], True)]


async def test_a_copy_that_is_made_while_it_is_written_is_whole(
    shop: Shop, databases: Databases, tmp_path: Path
) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    folder = Folder(root(shop))
    writing = asyncio.create_task(_keep_writing(shop))
    states = []
    for number in range(5):
        states.append(await asyncio.to_thread(folder.copy, tmp_path / f"copy-{number}"))
        await asyncio.sleep(0.02)
    await writing
    copied = tmp_path / "copy-4"
    made = Folder(copied).current()
    async with another(databases, shop, copied) as other:
        before = [hit["slug"] for hit in (await other.search("mug"))["data"]]
        await other.index()

        assert "mug" in before
        assert (await other.search("cup"))["total"] == 12
        assert made == Folder(copied).current() and made is not None and not Folder(copied).sealed(made)
    assert states == sorted(states, key=lambda state: state.position)
    with pytest.raises(FileExistsError):
        folder.copy(copied)


async def _keep_writing(shop: Shop) -> None:
    for number in range(12):
        await shop.hear(published(f"cup{number}", "Cup"), stock("mug", number, number + 2))


@pytest.mark.parametrize("torn", ["*.term", "*.idx", "meta.json", "missing", "older"])
async def test_a_torn_copy_is_noticed_and_made_anew(
    shop: Shop, databases: Databases, tmp_path: Path, torn: str
) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    old = (_current(root(shop)) / "meta.json").read_bytes()
    await shop.hear(published("cup", "Cup"))
    if torn == "older":
        # As `cp` does it: the list of files before a commit, the state after the next one
        shutil.copytree(root(shop), tmp_path / "torn", symlinks=True)
        (_current(tmp_path / "torn") / "meta.json").write_bytes(old)
    else:
        Folder(root(shop)).copy(tmp_path / "torn")
        [file, *_] = _current(tmp_path / "torn").glob("*.pos" if torn == "missing" else torn)
        content = file.read_bytes()
        file.unlink()
        if torn != "missing":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    generation = _current(tmp_path / "torn")
    async with another(databases, shop, tmp_path / "torn") as other:
        await other.index()

        assert sorted(await other.names("")) == ["cup", "mug"]
        assert generation != _current(tmp_path / "torn")


def _current(folder: Path) -> Path:
    current = Folder(folder).current()
    assert current is not None
    return current


async def test_a_kill_between_commit_and_state_loses_nothing(
    shop: Shop, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.sell("mug", "Mug")
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "save", _die)
        with pytest.raises(KeyboardInterrupt):
            await shop.run("index")
    await release(shop)
    async with another(databases, shop) as other:
        await other.index()

        assert (await other.search("mug"))["total"] == 1
        assert (await other.ok("GET", "/index"))["behind"] == 0


def _die(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("damage", ["meta.json", "state.json", "*.term", "everything"])
async def test_a_damaged_folder_is_made_anew(shop: Shop, databases: Databases, damage: str) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    await release(shop)
    generation = Folder(root(shop)).current()
    assert generation is not None
    for file in generation.glob("*" if damage == "everything" else damage):
        file.write_bytes(b"?") if damage != "everything" else file.unlink()
    async with another(databases, shop) as other:
        await other.index()

        assert await other.names("mug") == ["mug"]
        assert Folder(root(shop)).current() != generation


async def test_it_is_made_anew_on_command_while_the_old_one_answers_and_follows(shop: Shop) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    old = Folder(root(shop)).current()
    reader = Reader(Folder(root(shop)), Text("english"))
    searcher = reader.searcher()
    wanted = await shop.ok("POST", "/index/rebuild")
    await shop.hear(published("cup", "Cup"))
    now = await shop.ok("GET", "/index")

    assert (wanted["generation"], wanted["wanted_generation"]) == (1, 2)
    assert (now["generation"], now["wanted_generation"], now["behind"], now["documents"]) == (2, 2, 0, 2)
    assert old != Folder(root(shop)).current() and not (old or Path()).exists()
    assert searcher.num_docs == 1
    assert reader.search(Wanted()).total == 2


async def test_changes_during_a_rebuild_are_in_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    await shop.ok("POST", "/index/rebuild")
    began = Folder.begin
    told = asyncio.Event()

    def begin(folder: Folder) -> Path:
        told.set()
        return began(folder)

    monkeypatch.setattr(Folder, "begin", begin)
    building = asyncio.create_task(shop.run("build-index"))
    await told.wait()
    await shop.world.deliver("search", published("cup", "Cup"), archived("mug", 2))
    await shop.run("index")
    await building
    await shop.run("index")

    assert await shop.names("") == ["cup"]


async def test_another_language_makes_it_anew(shop: Shop, databases: Databases) -> None:
    await shop.sell("tassen", "Tassen")
    await shop.index()
    await release(shop)
    async with another(databases, shop, ESTORE_SEARCH_LANGUAGE="german") as german:
        await german.index()

        assert await german.names("tasse ") == ["tassen"]


async def test_a_folder_of_another_store_is_made_anew(shop: Shop, databases: Databases, tmp_path: Path) -> None:
    await shop.sell("mug", "Mug")
    await shop.index()
    shutil.copytree(root(shop), tmp_path / "foreign", symlinks=True)
    async with world(databases, "search", ESTORE_SEARCH_FOLDER=str(tmp_path / "foreign")) as made:
        other = Shop(made)
        await other.index()

        assert await other.names("mug") == []
        await release(other)


async def test_a_change_is_found_within_a_second(databases: Databases) -> None:
    async with world(databases, "search", real_time=True) as made:
        shop = Shop(made)
        await shop.index()
        await made.run()
        await made.deliver("search", published("mug", "Mug"), stock("mug", 5))
        await _until(shop, "in_stock", "true", 1)
        await made.deliver("search", repriced("mug", 99, 2), stock("mug", 0, 2))
        await _until(shop, "price_max", "99", 1)
        [every] = [job.every for job in made.service("search").jobs if job.name == "index"]

        # How long one look takes is the machine's affair.
        assert every <= 0.5


async def _until(shop: Shop, name: str, value: str, total: int) -> None:
    async def found() -> bool:
        return bool((await shop.search("", **{name: value}))["total"] == total)

    await until(f"{name}={value} finds {total}", found)
