"""Mails: from the row to the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from estore.kit.clock import ManualClock
from estore.kit.settings import SettingError
from estore.services.identity.gateways import SmtpPost, Undeliverable, Unsent, compose
from estore.services.identity.service import Letter, Policy
from identity.conftest import CHEAP, Identity, start
from support.databases import Databases
from support.world import settings_for, world

LETTER = Letter(id="mail_1", to="ada@example.com", subject="Grüße", body="Hallo Ada\n.\nEnde\n")


class SmtpServer:
    """Speaks enough SMTP to take a mail, or to refuse it with `answer`."""

    def __init__(self, answer: str = "250 ok") -> None:
        self.answer = answer
        self.received: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("RCPT"):
                writer.write(f"{self.answer}\r\n".encode())
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                self.received.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.write(b"221 bye\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def smtp(answer: str = "250 ok") -> AsyncIterator[tuple[SmtpServer, int]]:
    handler = SmtpServer(answer)
    server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
    try:
        yield handler, server.sockets[0].getsockname()[1]
    finally:
        server.close()


def gateway(port: int) -> SmtpPost:
    policy = Policy(mail="smtp", smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none")
    return SmtpPost(policy, ManualClock())


async def test_a_letter_goes_over_the_wire() -> None:
    async with smtp() as (server, port):
        await gateway(port).send(LETTER)

    [message] = server.received
    assert "To: ada@example.com" in message
    assert "Message-ID: <mail_1@estore.example>" in message


@pytest.mark.parametrize(("answer", "error"), [("550 unknown", Undeliverable), ("451 busy", Unsent)])
async def test_a_refusal_is_for_good_or_for_now(answer: str, error: type[Exception]) -> None:
    async with smtp(answer) as (_, port):
        with pytest.raises(error):
            await gateway(port).send(LETTER)


async def test_a_server_that_is_away_is_for_now() -> None:
    with pytest.raises(Unsent):
        await gateway(1).send(LETTER)


async def test_no_header_can_be_smuggled_in() -> None:
    evil = Letter(id="mail_1", to="ada@example.com\r\nBcc: eve@example.com", subject="x", body="x")
    with pytest.raises(ValueError, match="linefeed"):
        compose(evil, "Estore <no-reply@estore.example>", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "environment",
    [{"ESTORE_IDENTITY_MAIL": "smtp"}, {"ESTORE_IDENTITY_MAIL": "pigeon"}, {"ESTORE_IDENTITY_KEY_DAYS": "0"}],
)
def test_a_wrong_setting_is_named(environment: dict[str, str]) -> None:
    from estore.services.identity.app import build

    with pytest.raises(SettingError, match="ESTORE_IDENTITY_"):
        build(settings_for("postgresql://x", ["identity"], **environment))


async def test_many_processes_send_a_mail_once(identity: Identity) -> None:
    for number in range(30):
        await identity.register(f"p{number}@example.com")

    await asyncio.gather(*(identity.job("mails") for _ in range(4)))

    sent = await identity.world.fetch("identity", "SELECT state, attempts FROM mail")
    assert sent == [{"state": "sent", "attempts": 1}] * 30
    assert len(await identity.world.fetch("identity", "SELECT id FROM sandbox_mail")) == 30


async def test_what_cannot_be_sent_now_is_sent_later_and_not_for_ever(identity: Identity) -> None:
    await identity.register("busy@example.com")
    for _ in range(12):
        await identity.job("mails")
        identity.world.clock.advance(hours=1)  # type: ignore[union-attr]

    [mail] = await identity.world.fetch("identity", "SELECT state, attempts, error FROM mail")
    assert mail == {"state": "failed", "attempts": 10, "error": "451 try again later"}


async def test_what_nobody_will_take_is_not_sent_again(identity: Identity) -> None:
    await identity.register("bounce@example.com")
    await identity.job("mails")

    [mail] = await identity.world.fetch("identity", "SELECT state, attempts FROM mail")
    assert mail == {"state": "failed", "attempts": 1}


async def test_a_mail_of_a_process_that_died_is_sent_by_another(identity: Identity) -> None:
    await identity.register()
    service = identity.world.service("identity")
    async with service.db.transaction() as tx:
        await tx.execute("UPDATE mail SET attempts = 1, due_at = $1", identity.world.clock.now())
        await tx.execute("UPDATE mail SET due_at = due_at + interval '2 minutes'")

    assert await identity.mails() == []
    identity.world.clock.advance(minutes=2)  # type: ignore[union-attr]
    assert len(await identity.mails()) == 1


async def test_no_token_is_kept_in_the_queue(identity: Identity) -> None:
    await identity.register()
    [kept] = await identity.mails()

    [queued] = await identity.world.fetch("identity", "SELECT * FROM mail")
    assert kept["token"] not in str(queued)


async def test_old_things_are_forgotten(identity: Identity) -> None:
    await identity.register("unused@example.com")
    await identity.register("used@example.com")
    await identity.tokens("used@example.com")
    await identity.job("mails")

    identity.world.clock.advance(days=61)  # type: ignore[union-attr]
    await identity.job("purge")

    left = await identity.world.fetch("identity", "SELECT email FROM account")
    assert left == [{"email": "used@example.com"}]
    for table in ("mail", "session"):
        assert await identity.world.fetch("identity", f"SELECT * FROM {table}") == []


async def test_another_master_secret_is_named_at_once(databases: Databases) -> None:
    import msgspec

    from estore.services.identity.app import build

    async with world(databases, "identity", **CHEAP) as made:
        await start(made)
        settings = msgspec.structs.replace(settings_for(made.dsn, ["identity"]), secret="another")
        other = build(settings, clock=made.clock)
        await other.db.open()
        with pytest.raises(SettingError, match="ESTORE_SECRET"):
            await other.start[0]()
        await other.db.close()
