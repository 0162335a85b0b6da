"""Composition root."""

from __future__ import annotations

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.context import system_context
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Invariant, Service
from estore.kit.settings import SettingError, Settings
from estore.services.identity import endpoints, service
from estore.services.identity.consumers import subscriptions
from estore.services.identity.domain import EmailInvalid, PasswordTooCommon
from estore.services.identity.gateways import mail_gateway
from estore.services.identity.jobs import jobs
from estore.services.identity.routes import routes

NAME = "identity"


class IdentitySettings(service.Policy, frozen=True, kw_only=True):
    __doc__ = service.Policy.__doc__


INVARIANTS = (
    Invariant(
        0,
        "one account at most has proved an address",
        "SELECT email FROM account WHERE verified_at IS NOT NULL GROUP BY email HAVING count(*) > 1",
        "SELECT count(*) FROM account",
    ),
    Invariant(
        0,
        "an erased account has left nothing",
        "SELECT a.id FROM account a WHERE erased_at IS NOT NULL AND (name <> ''"
        " OR EXISTS (SELECT 1 FROM address d WHERE d.account_id = a.id)"
        " OR EXISTS (SELECT 1 FROM session s WHERE s.account_id = a.id))",
        "SELECT count(*) FROM account WHERE erased_at IS NOT NULL",
    ),
    Invariant(
        0,
        "a key signs, or none was ever needed",
        "SELECT version FROM key_set WHERE version > 0 AND NOT EXISTS (SELECT 1 FROM signing_key)",
        "SELECT count(*) FROM signing_key",
    ),
)


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose identity. Raises SettingError."""
    clock = clock or SystemClock()
    policy = settings.section(NAME, IdentitySettings)
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    seals = service.Seals(settings)
    passwords = service.Passwords(policy.argon2_memory, policy.argon2_passes, policy.argon2_threads)
    factor = settings.rate_factor if policy.attempts_factor is None else policy.attempts_factor
    throttle = service.Throttle(seals, factor)
    keyring = service.Keyring(policy, seals)
    accounts = service.Accounts(seals, passwords, throttle)
    credentials = service.Credentials(policy, seals, passwords, throttle, keyring)
    post = service.Post(policy, seals, policy.link_url or settings.public_url)
    e = endpoints.build(edge, accounts, credentials, keyring, post, service.Purge(policy))
    gateway = mail_gateway(policy, settings, db, clock)

    async def start() -> None:
        """Tell the keys, the first one made if need be; make the first operator."""
        await e.publish_keys(system_context(clock.now()), None)
        if policy.operator_email:
            async with db.transaction() as tx:
                try:
                    await service.ensure_operator(
                        tx, system_context(clock.now()), passwords, policy.operator_email, policy.operator_password
                    )
                except (EmailInvalid, PasswordTooCommon, ValueError) as error:
                    raise SettingError(f"ESTORE_IDENTITY_OPERATOR_EMAIL, _PASSWORD: {error}") from None

    async def stop() -> None:
        passwords.close()

    return Service(
        name=NAME,
        prefixes=("/v1/accounts", "/v1/sessions", "/v1/me"),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=routes(e, sandbox=policy.mail == "sandbox"),
        subscriptions=subscriptions(e),
        jobs=jobs(e, gateway, clock),
        invariants=INVARIANTS,
        start=[start],
        stop=[stop],
    )
