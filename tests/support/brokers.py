"""The RabbitMQ that tests talk to: a node of this test process's own, or one that is running already."""

from __future__ import annotations

import fcntl
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import aio_pika
import pytest

from estore.kit.rabbit_node import RabbitNode, install_rabbitmq


class Rabbit:
    """A broker of this test process's own, which tests may stop, kill and start as they like."""

    def __init__(self, node: RabbitNode) -> None:
        self.node = node

    @property
    def url(self) -> str:
        """The virtual host `/`."""
        return self.node.url

    async def start(self) -> None:
        """Start it, unless it runs."""
        await self.node.start()

    async def stop(self) -> None:
        """Stop it cleanly."""
        await self.node.stop()

    async def restart(self) -> None:
        """Stop it, if it runs, and start it with the same data on the same port."""
        await self.node.restart()

    async def kill9(self) -> None:
        """Kill it as a power cut would; `start` or `restart` brings it back.

        RabbitMQ writes the register of its quorum queues half a second after it was used last. A queue whose
        declaration was killed before that is there after the restart, but never finds a leader and answers nothing: not
        what our tests are about.
        """
        await self.evaluate("[ok = dets:sync(Table) || Table <- dets:all()]")
        self.node.kill9()

    async def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl, and return what it printed."""
        return await self.node.ctl(*arguments)

    async def evaluate(self, expressions: str) -> str:
        """Have the node evaluate Erlang, and return the last value."""
        return await self.node.evaluate(expressions)

    async def add_users(self, vhost: str, may: Mapping[str, tuple[str, str, str]]) -> None:
        """Make users with the password `pw`, all in one call.

        may: by name, what each may configure, write and read in `vhost`.
        """
        made = []
        for user, rights in may.items():
            made.append(f'rabbit_auth_backend_internal:add_user({_binary(user)}, <<"pw">>, <<"tests">>)')
            what = ", ".join(map(_binary, (user, vhost, *rights, "tests")))
            made.append(f"rabbit_auth_backend_internal:set_permissions({what})")
        await self.evaluate(", ".join(made))

    async def delete_users(self, users: Iterable[str]) -> None:
        """Take them out again."""
        gone = [f'rabbit_auth_backend_internal:delete_user({_binary(user)}, <<"tests">>)' for user in users]
        await self.evaluate(", ".join(gone))

    async def fresh_vhost(self) -> str:
        """Make a virtual host that no other test uses.

        Returns:
            Its URL.
        """
        return await self.node.make_vhost(f"v{secrets.token_hex(6)}")


def _binary(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'<<"{escaped}">>'


class RunningRabbit(Rabbit):
    """A broker that somebody else runs: it cannot be killed, so tests that must are reported as skipped."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The address from ESTORE_TEST_AMQP_URL."""
        return self._url

    async def start(self) -> None:
        """See that it answers."""
        await (await aio_pika.connect(self._url)).close()

    async def stop(self) -> None:
        """Skip the test."""
        pytest.skip("ESTORE_TEST_AMQP_URL names a broker that tests must not stop")

    restart = stop
    kill9 = stop

    async def ctl(self, *arguments: str) -> str:
        """Skip the test."""
        pytest.skip("ESTORE_TEST_AMQP_URL names a broker whose rabbitmqctl is out of reach")

    async def evaluate(self, expressions: str) -> str:
        """Skip the test."""
        pytest.skip("ESTORE_TEST_AMQP_URL names a broker that evaluates nothing for us")

    async def fresh_vhost(self) -> str:
        """Return the address as it is: virtual hosts of somebody else's broker are not ours to make."""
        return self._url


async def private_rabbit(folder: Path) -> Rabbit:
    """Start a node of our own, after installing RabbitMQ where it is missing and can be installed.

    Args:
        folder: for the node's data.

    Returns:
        The broker, running.

    Raises:
        EmbeddedError: RabbitMQ cannot be had.
    """
    # one test process installs, the others wait
    with (Path(tempfile.gettempdir()) / "estore-install.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await install_rabbitmq(lambda line: print(line, file=sys.stderr))
    shutil.rmtree(folder, ignore_errors=True)
    node = RabbitNode(folder)
    await node.start()
    return Rabbit(node)


def url_of_vhost(url: str, vhost: str) -> str:
    """Address another virtual host of the same broker.

    Args:
        url: any address of the broker.
        vhost: the virtual host's name.

    Returns:
        The URL.
    """
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(vhost, safe='')}"))
