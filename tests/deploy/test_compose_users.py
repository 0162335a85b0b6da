"""Users of RabbitMQ and secrets: each service is given what it needs, and that is proved on a real broker."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiormq
import pytest
from aiormq.exceptions import AMQPError

from estore.cli.compose import SERVICES
from estore.cli.deploy import composed, secrets
from estore.cli.deploy.rabbitmq import OPERATOR, VHOST, definitions, permissions
from estore.kit.bus.amqp import connect
from estore.kit.bus.topology import declare, declare_exchange, declare_subscription, events_exchange
from estore.kit.runtime import all_subscriptions
from support.brokers import Rabbit, url_of_vhost

PASSWORDS = {user: f"pw-{user}" for user in permissions()}


@pytest.fixture
async def users(rabbit: Rabbit) -> AsyncIterator[dict[str, str]]:
    """URL by user, in a virtual host where everything is declared, as `estore migrate` leaves it."""
    url = await rabbit.fresh_vhost()
    parts = urlsplit(url)
    vhost = parts.path[1:]
    names = {user: f"{user}-{vhost}" for user in permissions()}
    may = {names[user]: (may["configure"], may["write"], may["read"]) for user, may in permissions().items()}
    await rabbit.add_users(vhost, may)
    found = {
        user: urlunsplit(parts._replace(netloc=f"{name}:pw@{parts.hostname}:{parts.port}"))
        for user, name in names.items()
    }
    await declare(found[OPERATOR], [s for service in composed() for s in all_subscriptions([service])])
    yield found
    await rabbit.delete_users(names.values())


async def test_each_service_may_do_what_it_does_and_nothing_in_anothers_name(users: dict[str, str]) -> None:
    for service in composed():
        other = next(name for name in SERVICES if name != service.name)
        connection = await connect(users[service.name], "test")
        try:
            for subscription in all_subscriptions([service]):
                await declare_subscription(connection, subscription)
                channel = await connection.channel()
                await channel.basic_consume(subscription.queue, _taken)
            await declare_exchange(connection, events_exchange(service.name))
            channel = await connection.channel()
            await channel.basic_publish(
                b"{}", exchange=events_exchange(service.name), routing_key="any", mandatory=False
            )

            await _refused(connection, "publish", events_exchange(other))
            await _refused(connection, "consume", f"{other}.keys")
            await _refused(connection, "declare", f"{other}.more")
        finally:
            await connection.close()


async def _refused(connection: aiormq.Connection, what: str, name: str) -> None:
    channel = await connection.channel()
    with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
        if what == "publish":
            await channel.basic_publish(b"{}", exchange=name, routing_key="any", mandatory=True)
            await channel.queue_declare("", passive=True)
        elif what == "consume":
            await channel.basic_consume(name, _taken)
        else:
            await channel.queue_declare(name, durable=True)


async def _taken(_message: object) -> None:
    pass


async def test_the_definitions_are_what_a_broker_takes(rabbit: Rabbit, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "definitions.json"
    file.write_text(definitions(PASSWORDS, b"salt"))
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)

    await rabbit.ctl("import_definitions", str(file))
    try:
        parts = urlsplit(url_of_vhost(rabbit.url, VHOST))
        for user, password in PASSWORDS.items():
            netloc = f"{user}:{password}@{parts.hostname}:{parts.port}"
            await (await connect(urlunsplit(parts._replace(netloc=netloc)), "test")).close()
        listed = await rabbit.ctl("list_permissions", "-p", VHOST)
    finally:
        await rabbit.delete_users(PASSWORDS)
        await rabbit.ctl("delete_vhost", VHOST)

    assert {line.split("\t")[0] for line in listed.splitlines() if "\t" in line} >= set(PASSWORDS)


def test_definitions_hold_no_password_and_no_guest() -> None:
    text = definitions(PASSWORDS, b"salt")
    users = {user["name"]: user for user in json.loads(text)["users"]}

    assert set(users) == {*SERVICES, OPERATOR}
    assert not [password for password in PASSWORDS.values() if password in text]
    assert {name for name, user in users.items() if user["tags"]} == {OPERATOR}


def test_a_service_reads_the_exchanges_of_those_it_hears_and_no_others() -> None:
    assert permissions()["payments"] == {
        "configure": r"^payments\.",
        "write": r"^payments\.",
        "read": r"^payments\.|^(?:identity\.events|orders\.events|vendors\.events)$",
    }
    for name in SERVICES:
        assert not re.search(permissions()[name]["write"], "orders.events") or name == "orders"


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    assert secrets.make(tmp_path) > 0
    first = contents(tmp_path)

    assert secrets.make(tmp_path) == 0
    assert contents(tmp_path) == first
    made = [first[f"{name}/secret"] for name in SERVICES] + [first[f"databases/{name}"] for name in SERVICES]
    assert len(set(made)) == len(made)
    assert all(len(secret) >= 40 for secret in made)


def test_each_reader_has_its_own_and_the_operator_everything(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    found = contents(tmp_path)

    for name in SERVICES:
        login = found[f"databases/{name}"]
        assert found[f"{name}/database_url"] == f"postgresql://estore_{name}:{login}@postgres:5432/estore_{name}"
        assert found[f"{name}/amqp_url"].startswith(f"amqp://{name}:")
        assert found[f"operator/{name}_database_url"] == found[f"{name}/database_url"]
        assert found[f"operator/{name}_secret"] == found[f"{name}/secret"]
        others = [found[f"{other}/secret"] for other in SERVICES if other != name]
        own = "".join(text for path, text in found.items() if path.startswith(f"{name}/"))
        assert not [secret for secret in others if secret in own]


def test_renewed_logins_leave_what_data_is_sealed_with(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    before = contents(tmp_path)

    secrets.make(tmp_path, renew=True)
    after = contents(tmp_path)

    kept = {"postgres/password", "grafana/password", "databases/password", "identity/operator_password"}
    kept |= {path for path in before if path.endswith("secret")}
    assert {path for path in before if before[path] == after[path]} == kept
    assert before["rabbitmq/definitions.json"] != after["rabbitmq/definitions.json"]


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
