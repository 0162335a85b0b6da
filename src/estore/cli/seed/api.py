"""The store's HTTP API, called in this process: the seeds do nothing that a client could not do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from estore.cli.compose import applications
from estore.cli.seed import DEMO_PASSWORD, SeedFailed
from estore.kit.clock import monotonic
from estore.kit.errors import Transient
from estore.kit.http.front import Front
from estore.kit.ids import new_id
from estore.kit.service import Service

T = TypeVar("T")
AT_ONCE = 8
PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.02
_PAUSE_SECONDS = 0.5


class Refused(SeedFailed):
    """An answer that is not 2xx. code: of the problem document."""

    def __init__(self, request: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        faults = "; ".join(f"{e.get('pointer', '')} {e.get('detail', '')}" for e in problem.get("errors", ())[:3])
        super().__init__(f"{request}: {status} {self.code} {problem.get('detail', '')} {faults}".strip())


class Api:
    """A client of `services`, signed in as whoever a call names by e-mail address.

    like: whose sessions it shares, and whose other services it calls.
    """

    def __init__(self, services: Sequence[Service], like: Api | None = None) -> None:
        self._applications: dict[str, Any] = ({} if like is None else dict(like._applications)) | dict(
            applications(services)
        )
        transport = httpx.ASGITransport(app=Front(self._applications, lambda: True), raise_app_exceptions=False)
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://estore.invalid", timeout=60, headers={"user-agent": "estore-seed"}
        )
        self._sessions: dict[str, asyncio.Task[Any]] = {} if like is None else like._sessions

    async def close(self) -> None:
        await self._client.aclose()

    async def token(self, email: str) -> str:
        """Return an access token of a demo account, which signs in when it is first needed."""
        if email not in self._sessions:
            self._sessions[email] = asyncio.create_task(self._sign_in(email))
        return str((await self._sessions[email])["access_token"])

    async def refresh(self, email: str) -> None:
        """Get a new token: what the account may do has changed."""
        old = await self._sessions[email]
        self._sessions[email] = asyncio.create_task(self._refreshed(email, old["refresh_token"]))
        await self._sessions[email]

    async def _refreshed(self, email: str, token: str) -> Any:
        try:
            return await self.post("/v1/sessions/refresh", {"refresh_token": token})
        except Refused as refused:
            if refused.status == 401:
                # The answer to an earlier try was lost, and no token is good twice.
                return await self._sign_in(email)
            raise

    async def _sign_in(self, email: str) -> Any:
        try:
            return await self.post("/v1/sessions", {"email": email, "password": DEMO_PASSWORD})
        except Refused as refused:
            if refused.status == 401:
                raise SeedFailed(f"{email} cannot sign in with the demo password; it was changed") from None
            raise

    async def get(self, path: str, *, by: str | None = None, wait: int = 0, **query: Any) -> Any:
        headers = {"prefer": f"wait={wait}"} if wait else {}
        return await self._call("GET", path, by, params=query or None, headers=headers)

    async def post(self, path: str, body: Any = None, *, by: str | None = None, key: str = "") -> Any:
        """key: the Idempotency-Key; one of its own where none is given."""
        headers = {"idempotency-key": key or new_id("seed")}
        if body is None:
            return await self._call("POST", path, by, headers=headers)
        headers["content-type"] = "application/json"
        return await self._call("POST", path, by, content=msgspec.json.encode(body), headers=headers)

    async def put(self, path: str, body: Any, *, by: str, version: int | None = None) -> Any:
        """version: what is replaced; None: whatever there is."""
        headers = {"content-type": "application/json"}
        if version is not None:
            headers["if-match"] = f'"v{version}"'
        return await self._call("PUT", path, by, content=msgspec.json.encode(body), headers=headers)

    async def upload(self, path: str, content: bytes, kind: str, *, by: str, **query: Any) -> Any:
        """kind: the media type."""
        return await self._call("POST", path, by, content=content, params=query, headers={"content-type": kind})

    async def pages(self, path: str, *, by: str | None = None, **query: Any) -> AsyncIterator[Any]:
        """Yield the rows of a list, page after page."""
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await self.get(path, by=by, **({"limit": 100} | query | more))
            for row in page["data"]:
                yield row
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def _call(self, method: str, path: str, by: str | None, headers: dict[str, str], **values: Any) -> Any:
        if by is not None:
            headers["authorization"] = f"Bearer {await self.token(by)}"
        deadline = monotonic() + PATIENCE_SECONDS
        answer = await self._client.request(method, path, headers=headers, **values)
        while answer.status_code == Transient.status and monotonic() < deadline:
            # A machine that is busy with something else is slow, not wrong; the key keeps it once.
            await asyncio.sleep(_PAUSE_SECONDS)
            answer = await self._client.request(method, path, headers=headers, **values)
        body = msgspec.json.decode(answer.content) if answer.content else None
        if not answer.is_success:
            raise Refused(f"{method} {path}", answer.status_code, body if isinstance(body, dict) else {})
        return body


async def at_once(work: Iterable[Coroutine[Any, Any, T]], limit: int = AT_ONCE) -> list[T]:
    """Run `work`, `limit` at a time; the first failure ends all of it."""
    gate = asyncio.Semaphore(limit)

    async def one(coroutine: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await coroutine

    coroutines = list(work)
    tasks = [asyncio.create_task(one(coroutine)) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for coroutine in coroutines:
            coroutine.close()  # Python warns of those that had not begun.
        raise


async def eventually(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Return what `look` returns once that is not None; a machine that is too busy right now is asked again.

    Raises SeedFailed, which says `what` never came.
    """
    deadline = monotonic() + seconds
    pause = _LOOK_SECONDS
    while True:
        try:
            found = await look()
        except Transient:
            found = None
        if found is not None:
            return found
        if monotonic() > deadline:
            raise SeedFailed(f"{what} did not happen within {seconds:.0f} seconds")
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 0.5)
