"""Timers, and the steps around sending a mail."""

from __future__ import annotations

from estore.kit.clock import Clock
from estore.kit.context import system_context
from estore.kit.service import Job
from estore.services.identity.endpoints import Endpoints
from estore.services.identity.gateways import MailGateway, Undeliverable, Unsent
from estore.services.identity.service import Outcome, Rotate


def jobs(e: Endpoints, gateway: MailGateway, clock: Clock) -> list[Job]:
    """Return the timers of identity."""

    async def send_mails() -> None:
        """Claim, commit; write out, send; note the outcome, commit. A crash in between sends one twice, never not."""
        while mails := await e.claim_mails(system_context(clock.now()), None):
            for mail in mails:
                letter = await e.write_out(system_context(clock.now()), mail)
                if letter is None:
                    continue
                outcome = Outcome(mail)
                try:
                    await gateway.send(letter)
                except Undeliverable as error:
                    outcome = Outcome(mail, str(error), fatal=True)
                except Unsent as error:
                    outcome = Outcome(mail, str(error))
                await e.record_outcome(system_context(clock.now()), outcome)

    async def rotate_keys() -> None:
        await e.rotate_keys(system_context(clock.now()), Rotate())

    async def purge() -> None:
        await e.purge(system_context(clock.now()), None)

    return [Job("mails", 1.0, send_mails), Job("keys", 60.0, rotate_keys), Job("purge", 600.0, purge)]
