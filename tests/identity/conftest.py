"""A world with identity, cheap hashes, and people in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from estore.services.identity.service import CreateAccount, Passwords, create_account
from support.databases import Databases
from support.world import World, world

PASSWORD = "a plum falls far"
CHEAP = {"ESTORE_IDENTITY_ARGON2_MEMORY": "64", "ESTORE_IDENTITY_ARGON2_PASSES": "1"}


@dataclass
class Identity:
    """Identity as its callers see it."""

    world: World
    http: httpx.AsyncClient

    async def register(self, email: str = "ada@example.com", password: str = PASSWORD, name: str = "Ada") -> Any:
        """Register and return the account as JSON."""
        answer = await self.http.post("/v1/accounts", json={"email": email, "password": password, "name": name})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def sign_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx.Response:
        return await self.http.post("/v1/sessions", json={"email": email, "password": password})

    async def tokens(self, email: str = "ada@example.com", password: str = PASSWORD) -> Any:
        """Sign in and return the tokens as JSON."""
        answer = await self.sign_in(email, password)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def refresh(self, token: str) -> httpx.Response:
        return await self.http.post("/v1/sessions/refresh", json={"refresh_token": token})

    def as_(self, tokens: Any) -> httpx.AsyncClient:
        """A client that is signed in."""
        return self.world.http("identity", tokens["access_token"])

    async def job(self, name: str) -> None:
        """Run a timer once."""
        await next(job for job in self.world.service("identity").jobs if job.name == name).run()

    async def mails(self, email: str = "ada@example.com") -> list[dict[str, Any]]:
        """Send what waits and return the mailbox of `email`, oldest first."""
        await self.job("mails")
        return await self.world.fetch("identity", "SELECT * FROM sandbox_mail WHERE email = $1 ORDER BY id", email)

    async def person(self, email: str = "ada@example.com", *, operator: bool = False) -> Any:
        """Make a confirmed account, sign in, return the tokens as JSON."""
        await self.create(email, operator=operator)
        return await self.tokens(email)

    async def create(self, email: str = "ada@example.com", *, operator: bool = False, verified: bool = True) -> Any:
        """Make an account as the CLI does."""
        roles = frozenset({"operator"} if operator else ())
        async with self.world.service("identity").db.transaction() as tx:
            cheap = Passwords(64, 1, 1)
            return await create_account(
                tx, self.world.ctx(), CreateAccount(email, PASSWORD, "Ada", roles, verified), cheap
            )


async def start(made: World) -> Identity:
    """Run the start hooks, as the runtime does."""
    for hook in made.service("identity").start:
        await hook()
    return Identity(made, made.http("identity"))


@pytest.fixture
async def identity(databases: Databases) -> AsyncIterator[Identity]:
    async with world(databases, "identity", **CHEAP) as made:
        yield await start(made)


@pytest.fixture(scope="session")
async def anywhere(databases: Databases) -> AsyncIterator[Identity]:
    """Identity, shared by tests that leave nothing behind."""
    async with world(databases, "identity", **CHEAP) as made:
        yield await start(made)


__all__ = ["CHEAP", "PASSWORD", "Identity", "start"]
