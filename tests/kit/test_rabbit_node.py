"""The private RabbitMQ node: beside others, refused twice on one folder, and gone with its owner."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from itertools import count
from pathlib import Path

import aio_pika
import pytest

from estore.kit import processes
from estore.kit.processes import command_of, free_port
from estore.kit.rabbit_node import (
    DataFolderInUse,
    EmbeddedError,
    PortTaken,
    RabbitNode,
    install_rabbitmq,
    installing,
)
from support.brokers import Rabbit

OWNER = """
import asyncio, sys
from estore.kit.rabbit_node import RabbitNode
async def own():
    node = RabbitNode(sys.argv[1])
    await node.start()
    print(node.pid, node._epmd.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(own())
"""


def own(rabbit: Rabbit) -> RabbitNode:
    if not hasattr(rabbit, "node"):
        pytest.skip("ESTORE_TEST_AMQP_URL names a broker that is not ours")
    return rabbit.node


def test_servers_that_start_at_the_same_time_look_for_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_first_of_the_kernel", lambda: 32_768)
    found = []
    for pid in range(4_000_000, 4_000_100):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        monkeypatch.setattr(processes, "_looked", count())
        found += [free_port() for _ in range(20)]

    assert len(set(found)) == len(found)
    assert min(found) >= processes.LOWEST_PORT


async def test_it_listens_on_loopback_only(rabbit: Rabbit) -> None:
    said = await own(rabbit).evaluate("[inet:sockname(P) || P <- erlang:ports(), is_tuple(inet:sockname(P))]")
    listeners = await own(rabbit).evaluate("rabbit_networking:active_listeners()")

    assert "0,0,0,0}" not in said.replace(" ", "")
    assert "{127,0,0,1}" in listeners.replace(" ", "")
    assert "0,0,0,0,0,0,0,0" not in listeners.replace(" ", "")


async def test_what_it_evaluates_is_told_and_what_fails_as_well(
    rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await own(rabbit).evaluate("X = 20, X + 22") == "42"
    with pytest.raises(EmbeddedError, match="could not evaluate ok = no"):
        await own(rabbit).evaluate("ok = no")
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert await own(rabbit).evaluate("X = 20, X + 22") == "42"


async def test_a_virtual_host_that_is_there_is_kept(rabbit: Rabbit) -> None:
    urls = [await own(rabbit).make_vhost("kept") for _ in range(2)]

    assert urls[0] == urls[1]
    await (await aio_pika.connect(urls[0])).close()


async def test_a_second_node_runs_beside_it_and_goes_with_its_owner(rabbit: Rabbit, tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path / "other"], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    node, epmd = (int(word) for word in (await asyncio.to_thread(owner.stdout.readline)).split())
    await (await aio_pika.connect(rabbit.url)).close()
    owner.kill()
    owner.wait()

    async with asyncio.timeout(120):
        while command_of(node) or command_of(epmd):
            await asyncio.sleep(0.1)


async def test_a_second_start_on_the_same_folder_is_refused(rabbit: Rabbit) -> None:
    with pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"):
        await RabbitNode(own(rabbit).folder).start()


async def test_a_taken_port_is_named(rabbit: Rabbit, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            await RabbitNode(tmp_path, port).start()


async def test_a_folder_that_cannot_be_made_is_named(rabbit: Rabbit, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match="cannot be written: "):
        await RabbitNode(tmp_path / "file" / "below").start()


async def test_a_node_that_cannot_boot_says_so(rabbit: Rabbit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rabbitmq-server").write_text("#!/bin/sh\necho 'cannot read the configuration'\nexit 1\n")
    (tmp_path / "rabbitmq-server").chmod(0o755)
    monkeypatch.setenv("ESTORE_RABBITMQ_SBIN", str(tmp_path))

    with pytest.raises(EmbeddedError, match="did not start: cannot read the configuration"):
        await RabbitNode(tmp_path / "data").start()


async def test_a_machine_without_rabbitmq_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "find_rabbitmq", lambda: None)
    monkeypatch.setattr(installing.shutil, "which", lambda _: None)

    with pytest.raises(EmbeddedError, match="apt-get install rabbitmq-server"):
        await install_rabbitmq(lambda _: None)


async def test_an_installation_starts_no_system_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, seen = tmp_path / "policy-rc.d", tmp_path / "seen"
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\n{policy}; echo "$? $*" >>{seen}\n')
    apt.chmod(0o755)
    found: list[Path | None] = [None, tmp_path]
    said: list[str] = []
    monkeypatch.setattr(installing, "POLICY", policy)
    monkeypatch.setattr(installing, "find_rabbitmq", lambda: found.pop(0))
    monkeypatch.setattr(installing.shutil, "which", lambda _: str(apt))
    monkeypatch.setattr(installing.os, "geteuid", lambda: 0)

    assert await install_rabbitmq(said.append) == tmp_path
    assert [line.split()[0] for line in seen.read_text().splitlines()] == ["101", "101"]
    assert not policy.exists()
    assert len(said) == 1
