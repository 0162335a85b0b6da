"""PostgreSQL: pools, transactions that the edge owns, statement counting, migrations.

Prevents: business code that commits half of its work, a use case whose statements grow with its data, and a
schema that depends on who deployed last. Every service has its own schema and role (often its own database).
"""

from asyncpg import Record

from estore.kit.db.counting import StatementCount, statements
from estore.kit.db.database import Database, connect
from estore.kit.db.errors import ValueUnacceptable, forget_values
from estore.kit.db.migrations import Migration, MigrationError, migrate, migrations_of, pending, provision
from estore.kit.db.transaction import Tx, insert_outbox, outbox_columns

__all__ = [
    "Database",
    "Migration",
    "MigrationError",
    "Record",
    "StatementCount",
    "Tx",
    "ValueUnacceptable",
    "connect",
    "forget_values",
    "insert_outbox",
    "migrate",
    "migrations_of",
    "outbox_columns",
    "pending",
    "provision",
    "statements",
]
