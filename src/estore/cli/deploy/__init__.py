"""How the store is deployed, worked out from the services themselves: routes, logins, permissions.

Prevents: a gateway that forgets a path which a service has, and a user that may more than its service needs. What is
generated here is written into `deploy/` by `python -m estore.cli.deploy`, and a test holds the files against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estore.cli.compose import SERVICES, build
from estore.kit.service import Service
from estore.kit.settings import Settings

PORT = 8000
"""Where each service listens in its container."""

PAGES_BY = "catalog"
"""Who answers for the paths of the whole store. Any process could: each knows the documents of all services."""

PAGES = ("/openapi.json", "/asyncapi.json", "/docs")
"""Paths, and what is below them, of the documents of the whole store."""

FILES = ("/pictures",)
"""Paths below which files are."""

STREAMED = "/v1/imports"
"""Where files go to, of any length: a gateway keeps nothing of them on their way."""

ANSWER_SECONDS = 90
"""How long a gateway waits for a service: longer than any endpoint's own limit with the longest `Prefer: wait`."""


def composed(names: Sequence[str] = SERVICES) -> list[Service]:
    """Return the services as they are by default, to be read: nothing connects, and nothing is signed."""
    settings = Settings(database_url="postgresql://localhost/estore", secret="-", environment={})  # noqa: S106
    return build(settings, names)


def prefixes() -> Mapping[str, tuple[str, ...]]:
    """Return service -> prefixes of the paths it answers, such as `/v1/orders`; no service has another's."""
    return {service.name: tuple(sorted(service.prefixes)) for service in composed()}


def routes() -> Mapping[str, tuple[str, ...]]:
    """Return service -> prefixes that a gateway sends to it: its own, and those of the whole store's pages.

    A prefix matches whole segments: `/v1/orders` and `/v1/orders/...`, never `/v1/ordersx`. What has none of them,
    `/metrics` and the probes included, is nobody's business outside.
    """
    return {name: (*own, *(PAGES + FILES if name == PAGES_BY else ())) for name, own in prefixes().items()}
