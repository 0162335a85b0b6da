"""The servers that the whole suite shares.

One PostgreSQL per test run, started by the controller, with a database per test process and as many fresh ones as tests
ask for. One RabbitMQ per test process, started when the first test asks for it, so that tests may kill it without
disturbing those of another process. `ESTORE_TEST_DATABASE_URL` and `ESTORE_TEST_AMQP_URL` name running servers instead.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from estore.kit.embedded import EmbeddedError, EmbeddedPostgres
from support.brokers import Rabbit, RunningRabbit, private_rabbit
from support.databases import Databases, drop_all

# Modules that take a minute, besides those marked slow.
LONG = frozenset(
    {
        *("test_extraction.py", "test_openapi.py", "test_openapi_bad_input.py"),
        *("test_purchase.py", "test_rabbit.py", "test_seed.py"),
    }
)
FreshDatabase = Callable[..., Awaitable[str]]

# How long an example takes says how busy the machine is. What passed once passes again: other examples are looked for
# with `--hypothesis-profile=searching`.
settings.register_profile("searching", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("searching"), derandomize=True)
settings.load_profile("steady")


class Servers:
    """What the controller starts before the first test and stops after the last."""

    def __init__(self) -> None:
        self.run = secrets.token_hex(4)
        self.folder = Path(tempfile.mkdtemp(prefix="estore-test-"))
        # PostgreSQL runs as somebody else when we are root, and must be able to walk through
        self.folder.chmod(0o711)
        self.given = os.environ.get("ESTORE_TEST_DATABASE_URL", "")
        self.postgres = EmbeddedPostgres(
            self.folder / "postgres",
            durable=False,
            settings={
                "max_connections": "400",
                "log_min_duration_statement": "-1",
                # With dozens of databases, each is looked at six times less often than a store is.
                "autovacuum_naptime": "60s",
            },
        )
        self.admin_dsn = self.given
        if not self.given:
            asyncio.run(self.postgres.start())
            self.admin_dsn = self.postgres.dsn

    def stop(self) -> None:
        """Stop what was started, and leave nothing behind."""
        if self.given:
            asyncio.run(drop_all(self.given, self.run))
        self.postgres.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    # As `estore serve` does: to look for reference cycles every 700 objects takes an eighth of all processor time.
    gc.set_threshold(100_000, 20, 20)
    config.addinivalue_line("markers", "slow: takes more than ten seconds; `./estore test --fast` leaves it out")
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    try:
        config.estore_servers = Servers()  # type: ignore[attr-defined]
    except EmbeddedError as error:
        pytest.exit(f"no PostgreSQL for the tests: {error}", returncode=3)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first, so that at the end no process works alone on one."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.path.name in LONG}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """What is there before the first test stays until the last, and need not be looked at again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    servers: Servers = node.config.estore_servers  # type: ignore[attr-defined]
    node.workerinput["estore"] = {  # type: ignore[attr-defined]
        "admin_dsn": servers.admin_dsn,
        "run": servers.run,
        "folder": str(servers.folder),
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    servers: Servers | None = getattr(config, "estore_servers", None)
    if servers is not None:
        servers.stop()


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> dict[str, str]:
    """What the controller told this test process: admin_dsn, run, folder, worker."""
    told = getattr(pytestconfig, "workerinput", None)
    if told is not None:
        return {**told["estore"], "worker": told["workerid"]}
    servers: Servers = pytestconfig.estore_servers  # type: ignore[attr-defined]
    return {"admin_dsn": servers.admin_dsn, "run": servers.run, "folder": str(servers.folder), "worker": "main"}


@pytest.fixture(scope="session")
def admin_dsn(shared: dict[str, str]) -> str:
    """The shared PostgreSQL, as its administrator (fsync is off: crash tests start servers of their own)."""
    return shared["admin_dsn"]


@pytest.fixture(scope="session")
async def databases(shared: dict[str, str]) -> AsyncIterator[Databases]:
    """Templates and fresh databases, for fixtures that live longer than a test."""
    made = Databases(shared["admin_dsn"], shared["run"], shared["worker"])
    yield made
    await made.close()


@pytest.fixture
async def fresh_database(databases: Databases) -> AsyncIterator[FreshDatabase]:
    """Make an empty database, `dsn = await fresh_database()`, or a clone, `dsn = await fresh_database(template)`."""
    made: list[str] = []

    async def make(template: str = "template1") -> str:
        made.append(await databases.fresh(template))
        return made[-1]

    yield make
    for dsn in made:
        await databases.drop(dsn)


@pytest.fixture(scope="session")
async def worker_database(databases: Databases) -> str:
    """The address of an empty database that all tests of this process share."""
    return await databases.fresh()


@pytest.fixture(scope="session")
async def rabbit_server(shared: dict[str, str]) -> AsyncIterator[Rabbit]:
    """This process's broker; tests take `rabbit`, which is sure to run."""
    if url := os.environ.get("ESTORE_TEST_AMQP_URL"):
        yield RunningRabbit(url)
        return
    rabbit = await private_rabbit(Path(shared["folder"]) / f"rabbit-{shared['worker']}")
    yield rabbit
    rabbit.node.kill9()


@pytest.fixture
async def rabbit(rabbit_server: Rabbit) -> Rabbit:
    """The broker, running, whatever the test before did to it."""
    await rabbit_server.start()
    return rabbit_server
