"""Users of RabbitMQ and what each may do, worked out from the queues that the services declare.

Prevents: a service that reads another's queue, or speaks in another's name. A service configures and writes what begins
with its name (`kit.bus.topology`), and reads that and the exchanges of the services whose events it hears.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from estore.cli.compose import SERVICES
from estore.cli.deploy import composed
from estore.kit.bus.topology import events_exchange
from estore.kit.runtime import all_subscriptions

VHOST = "estore"
OPERATOR = "operator"
"""The user of the commands that work on the whole store: `migrate`, `seed`, `dlq`."""
SALT_BYTES = 4


def permissions() -> Mapping[str, Mapping[str, str]]:
    """Return user -> configure, write, read: regular expressions as RabbitMQ wants them."""
    found: dict[str, Mapping[str, str]] = {}
    for service in composed():
        heard = {cls.publisher for each in all_subscriptions([service]) for cls in each.handlers} - {service.name}
        own = rf"^{service.name}\."
        exchanges = "|".join(_literal(events_exchange(publisher)) for publisher in sorted(heard))
        found[service.name] = {
            "configure": own,
            "write": own,
            "read": rf"{own}|^(?:{exchanges})$" if exchanges else own,
        }
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return found | {OPERATOR: everything}


def definitions(passwords: Mapping[str, str], salt: bytes) -> str:
    """Return the definitions that a broker imports when it boots: virtual host, users, permissions.

    passwords: user -> password, of every user of `permissions`. salt: SALT_BYTES random bytes. The result holds hashes
    of the passwords, and no user but these: a broker that imports it makes no `guest`.
    """
    allowed = permissions()
    document: dict[str, Any] = {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(passwords[user], salt),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["administrator"] if user == OPERATOR else [],
                "limits": {},
            }
            for user in (*SERVICES, OPERATOR)
        ],
        "permissions": [{"user": user, "vhost": VHOST} | dict(allowed[user]) for user in (*SERVICES, OPERATOR)],
        "topic_permissions": [],
        "parameters": [],
        "global_parameters": [],
        "policies": [],
        "queues": [],
        "exchanges": [],
        "bindings": [],
    }
    return json.dumps(document, indent=2) + "\n"


def password_hash(password: str, salt: bytes) -> str:
    """Return RabbitMQ's salted hash (SHA-256) of a password: base64 of salt and digest."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _literal(name: str) -> str:
    return name.replace(".", r"\.")
