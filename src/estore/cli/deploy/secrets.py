"""Makes the secrets of a store, once, in folders of which each container is given one: `estore deploy secrets FOLDER`.

Prevents: a default password that works in production, and a service that knows what is another's. What exists is kept;
a service that is added later gets its own beside it.

    postgres/password               of the administrator
    databases/password, <service>   what the job that makes databases and roles needs
    rabbitmq/definitions.json       users with hashed passwords
    grafana/password                of its administrator
    <service>/secret, database_url, amqp_url
    operator/...                    everything, for `migrate`, `seed`, `doctor`, `dlq`
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from estore.cli.compose import SERVICES
from estore.cli.deploy.postgres import database
from estore.cli.deploy.rabbitmq import OPERATOR, SALT_BYTES, VHOST, definitions

# Within a volume that only its reader mounts, whatever user that runs as.
MODE = 0o444
BYTES = 32
POSTGRES, RABBITMQ = "postgres:5432", "rabbitmq:5672"


def make(folder: Path, *, renew: bool = False) -> int:
    """Make what is missing. Returns how many files were written.

    renew: other passwords for all services at PostgreSQL and RabbitMQ. The master secrets stay: data is sealed with
    them. So does the password of PostgreSQL's administrator, which an existing database keeps. Raises OSError.
    """
    store = _Folder(folder)
    store.keep("postgres", "password")
    passwords: dict[str, str] = {}
    for service in SERVICES:
        store.keep(service, "secret")
        login = store.keep("databases", service, renew)
        passwords[service] = store.keep(service, "amqp_password", renew)
        store.put(service, "database_url", f"postgresql://{database(service)}:{login}@{POSTGRES}/{database(service)}")
        store.put(service, "amqp_url", _amqp(service, passwords[service]))
    passwords[OPERATOR] = store.keep(OPERATOR, "amqp_password", renew)
    store.put(OPERATOR, "amqp_url", _amqp(OPERATOR, passwords[OPERATOR]))
    store.put("databases", "password", store.keep("postgres", "password"))
    # The first operator's, who may change it; identity reads it once, when there is none.
    store.keep("identity", "operator_password")
    store.keep("grafana", "password")
    for service in SERVICES:
        for name in ("secret", "database_url"):
            store.put(OPERATOR, f"{service}_{name}", store.keep(service, name))
    salt = bytes.fromhex(store.keep("rabbitmq", "salt", renew, lambda: secrets.token_hex(SALT_BYTES)))
    store.put("rabbitmq", "definitions.json", definitions(passwords, salt))
    return store.written


def _amqp(user: str, password: str) -> str:
    return f"amqp://{user}:{password}@{RABBITMQ}/{VHOST}"


class _Folder:
    """Files by their reader and name; each is whole or not there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fresh: set[Path] = set()
        self.written = 0

    def keep(
        self,
        reader: str,
        name: str,
        renew: bool = False,
        make: Callable[[], str] = lambda: secrets.token_urlsafe(BYTES),
    ) -> str:
        """Return what the file holds, made when it is missing, or to be renewed and not new already."""
        path = self._root / reader / name
        if not path.exists() or (renew and path not in self._fresh):
            self.put(reader, name, make())
            self._fresh.add(path)
        return path.read_text("utf-8")

    def put(self, reader: str, name: str, text: str) -> None:
        """Write the file, unless it says so already."""
        path = self._root / reader / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text("utf-8") == text:
            return
        fresh = path.with_name(f".{name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        self.written += 1
