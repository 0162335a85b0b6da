"""How a command fails: in one readable line, with an exit code. A defect keeps its traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from estore.kit.settings import SettingError


def fail(message: str, code: int = 1) -> NoReturn:
    """Say in one line what is wrong, and end with `code`."""
    print(f"estore: {message}", file=sys.stderr)
    raise SystemExit(code)


def guarded(action: Callable[[], Any], told: Callable[[str, int], NoReturn] = fail) -> Any:
    """Run `action`; expected failures become one line, which `told` is handed with the exit code."""
    try:
        return action()
    except SettingError as error:
        told(str(error), 2)
    except OSError as error:
        told(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except KeyboardInterrupt:
        told("interrupted", 130)
    except Exception as error:
        if not (text := _expected(error)):
            raise
        told(text, 1)


def _expected(error: Exception) -> str:
    """Return the line that tells an expected failure, empty for a defect."""
    import asyncpg

    from estore.cli.backup import BackupFailed
    from estore.cli.seed import SeedFailed
    from estore.kit.bus.amqp import BrokerAway
    from estore.kit.db import MigrationError
    from estore.kit.embedded import EmbeddedError
    from estore.kit.errors import Failure
    from estore.kit.runtime import NotMigrated

    if isinstance(error, Failure):
        return error.detail
    refused = (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.CannotConnectNowError,
        asyncpg.TooManyConnectionsError,
    )
    if isinstance(error, refused):
        return f"PostgreSQL refuses: {error}"
    told = (NotMigrated, MigrationError, SeedFailed, BrokerAway, BackupFailed, EmbeddedError)
    return str(error) if isinstance(error, told) else ""
