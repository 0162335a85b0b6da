"""The embedded PostgreSQL: kept data, refused starts, and every way to be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from estore.kit.embedded import DataFolderInUse, EmbeddedError, EmbeddedPostgres, PortTaken
from estore.kit.embedded import server as process
from estore.kit.processes import command_of

OWNER = """
import asyncio, sys
from estore.kit.embedded import EmbeddedPostgres
async def own():
    server = EmbeddedPostgres(sys.argv[1])
    await server.start()
    print(server.pid, server._guard._shell.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(own())
"""


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder that the server's user can walk to, below pytest's closed one."""
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == Path.home().owner() and "pytest" in path.name:
            path.chmod(0o711)
    yield tmp_path / "data"
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose cluster was made, and whose server is stopped: to make one takes half a second each time."""
    folder = tmp_path_factory.mktemp("made")
    for path in (folder, *folder.parents):
        if path.owner() == Path.home().owner() and "pytest" in path.name:
            path.chmod(0o711)
    async with EmbeddedPostgres(folder / "data", durable=False):
        pass
    return folder / "data"


@pytest.fixture
async def made(template: Path, folder: Path) -> Path:
    """A folder as a server leaves it that was started once."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", template, folder], check=True)
    return folder


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def owner_process(folder: Path) -> tuple[subprocess.Popen[str], int, int]:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, folder], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server, guard = (await asyncio.to_thread(owner.stdout.readline)).split()
    return owner, int(server), int(guard)


async def test_it_answers_over_tcp_and_over_its_socket_and_is_durable(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as server:
        assert await ask(server.dsn, "SELECT 1") == 1
        assert await ask(server.socket_dsn, "SELECT 2") == 2
        assert await ask(server.dsn, "SHOW fsync") == "on"
        assert await ask(server.dsn, "SHOW synchronous_commit") == "on"
        assert await ask(server.dsn, "SHOW max_connections") == "200"


async def test_tcp_wants_the_password(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres", "SELECT 1")


async def test_a_restart_keeps_port_password_and_data(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        before = server.dsn
        await ask(before, "CREATE TABLE kept AS SELECT 42 AS answer")
        await server.restart()

        assert server.dsn == before
        assert await ask(before, "SELECT answer FROM kept") == 42


async def test_what_was_committed_survives_kill_9_of_the_server(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        await ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        idle = await asyncpg.connect(server.dsn)
        server.kill9()
        await server.start()

        assert await ask(server.dsn, "SELECT answer FROM kept") == 42
        idle.terminate()


async def test_the_server_follows_its_owner_into_death(made: Path) -> None:
    owner, server, _ = await owner_process(made)
    said = len((made / "postgres.log").read_text())
    owner.kill()
    owner.wait()
    await until(lambda: not command_of(server))

    async with EmbeddedPostgres(made) as again:
        assert await ask(again.dsn, "SELECT 1") == 1
        assert "database system was shut down" in (made / "postgres.log").read_text()[said:]


async def test_a_server_whose_owner_and_guard_were_killed_is_stopped_by_the_next_start(made: Path) -> None:
    owner, server, guard = await owner_process(made)
    for pid in (guard, owner.pid):
        os.kill(pid, signal.SIGKILL)
    owner.wait()

    assert command_of(server)
    async with EmbeddedPostgres(made) as again:
        assert again.pid != server
        assert not command_of(server)
        assert await ask(again.dsn, "SELECT 1") == 1


async def test_a_second_start_on_the_same_folder_is_refused(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        with pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"):
            await EmbeddedPostgres(made).start()

        assert await ask(server.dsn, "SELECT 1") == 1


async def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            await EmbeddedPostgres(folder, port).start()


async def test_a_refused_start_leaves_the_folder_free(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken):
        await EmbeddedPostgres(folder, other.getsockname()[1]).start()

    async with EmbeddedPostgres(folder) as server:
        assert server.running


async def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file is in the way")

    with pytest.raises(EmbeddedError, match="cannot be written: "):
        await EmbeddedPostgres(folder / "below").start()


@contextmanager
def as_somebody() -> Iterator[None]:
    """Not as root, who writes everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


async def test_an_unwritable_folder_is_named(folder: Path) -> None:
    folder.mkdir(mode=0o555)

    with as_somebody(), pytest.raises(EmbeddedError, match="cannot be written: Permission denied"):
        await EmbeddedPostgres(folder).start()


async def test_a_failing_initdb_is_told_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = folder.parent / "bin"
    broken.mkdir()
    (broken / "initdb").write_text("#!/bin/sh\necho starting\necho 'initdb: error: no space left on device'\nexit 1\n")
    (broken / "initdb").chmod(0o755)
    monkeypatch.setattr(process, "programs", lambda: broken)

    with pytest.raises(EmbeddedError, match=r"could not be made in .*: initdb: error: no space left on device$"):
        await EmbeddedPostgres(folder).start()


async def test_its_log_names_the_rule_that_was_broken_and_not_whose_row(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        conn = await asyncpg.connect(server.dsn)
        await conn.execute("CREATE TABLE account (email text PRIMARY KEY)")
        for _ in range(2):
            with suppress(asyncpg.UniqueViolationError):
                await conn.execute("INSERT INTO account VALUES ($1)", "ada@example.com")
        await conn.close()
        told = server.log.read_text()

    assert "account_pkey" in told
    assert "ada@example.com" not in told


async def test_an_interrupted_initdb_is_done_again(folder: Path) -> None:
    (folder / "cluster.making").mkdir(parents=True)
    (folder / "cluster.making" / "half").touch()

    async with EmbeddedPostgres(folder) as server:
        assert await ask(server.dsn, "SELECT 1") == 1


async def test_a_pid_file_that_names_an_unrelated_process_is_ignored(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        pidfile = (server.cluster / "postmaster.pid").read_text()
        server.kill9()
        (server.cluster / "postmaster.pid").write_text(f"{os.getppid()}\n" + pidfile.split("\n", 1)[1])
        await server.start()

        assert await ask(server.dsn, "SELECT 1") == 1


async def test_data_of_another_version_is_refused(made: Path) -> None:
    async with EmbeddedPostgres(made):
        pass
    (made / "cluster" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 9 and this one is 18"):
        await EmbeddedPostgres(made).start()


async def test_a_wrong_setting_is_told_in_one_line(made: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start: unrecognized .*no_such_setting"):
        await EmbeddedPostgres(made, settings={"no_such_setting": "1"}).start()


async def test_local_settings_win(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        (server.cluster / "local.conf").write_text("work_mem = '9MB'\n")
        (server.cluster / "local.conf").chmod(0o644)
        await server.restart()

        assert await ask(server.dsn, "SHOW work_mem") == "9MB"


async def test_a_path_too_long_for_a_socket_and_with_spaces_works(folder: Path) -> None:
    async with EmbeddedPostgres(folder / ("a b" * 30)) as server:
        assert await ask(server.socket_dsn, "SELECT 1") == 1
        elsewhere = server._files.sockets

    assert folder not in elsewhere.parents
    assert not elsewhere.exists()


async def test_ctrl_c_does_not_reach_it(made: Path) -> None:
    async with EmbeddedPostgres(made) as server:
        assert server.pid is not None
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="about running as root")
async def test_root_may_keep_its_data_in_a_closed_folder(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    async with EmbeddedPostgres(closed / "data") as server:
        assert await ask(server.dsn, "SELECT 1") == 1
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert closed.stat().st_mode & 0o777 == 0o700
