"""What a database's refusals mean: a value that does not fit, a server that is away, a row that is not to be quoted."""

from __future__ import annotations

import re

import asyncpg

from estore.kit.errors import Invalid

# What says nothing of the statement: the server ends, starts, is full, is a standby, or does not let us in (any more).
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_VALUE = re.compile(r": .*?(?P<why> \([^()'\"]*\))?\Z", re.DOTALL)


class ValueUnacceptable(Invalid):
    """The last net: a value that the database cannot hold, such as NUL in a text, got past the decoder."""

    code, title = "request.value_unacceptable", "A value cannot be stored"


def forget_values(error: asyncpg.PostgresError) -> None:
    """Take from `error` the row or value that it quotes: it would end in logs and dead letters, with people's data.

    What is left names the rule that was broken, and the place.
    """
    for field in ("detail", "where", "internal_query"):
        setattr(error, field, None)
    if isinstance(error, asyncpg.DataError) and error.args:
        message = str(error.args[0]).partition("\n")[0]
        error.args = (_VALUE.sub(lambda found: found["why"] or "", message),)
        error.__cause__ = error.__context__ = None
