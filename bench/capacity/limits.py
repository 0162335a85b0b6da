"""Where things stop that more pods do not move: single writers, locks, servers. Each with its source."""

from __future__ import annotations

import msgspec

HOT_SKU_PER_SECOND = 27_900
"""Reservations of one SKU through the consumer, one process (docs/performance.md, `bench.hot_sku`)."""
JOURNAL_LINES_PER_SECOND = 28_500
"""Journal lines that one poster writes (docs/performance.md, `bench.ledger`)."""
POSTERS_LINES_PER_SECOND = 35_500
"""The same of four posters in one process, on two cores."""
INDEX_PER_SECOND = 8_800
"""Documents that the one writer of an index takes up: 1,000,000 in 113 s (docs/performance.md, `bench.search`)."""
READER_MB_PER_MILLION = 135
INDEX_MB_PER_MILLION = 167
QUEUE_PER_SECOND = 20_000
"""Messages through one queue, which is one Raft log and one Erlang process: below the 25,600/s out and 24,200/s in that
one channel was measured at (docs/performance.md), on one node without replication."""
ROLE_CONNECTIONS = 120
"""What a service's role may open, all its pods together (`estore.cli.deploy.postgres.CONNECTIONS`)."""
POOL = 6
"""ESTORE_POOL_MAX, connections of a process at most."""
EXTRA_CONNECTIONS = {"catalog": 2}
"""What a process opens beside its pool: one for /readyz when the pool is all in use, and where answers are cached one
that listens for what is not valid any more. Every other service: one."""
SERVER_CONNECTIONS = 800
"""Of one PostgreSQL, as deploy/kubernetes/overlays/production sets it: processes, not threads."""
SERVER_DISK_TB = 16.0
"""Assumed: beyond it, a backup or a new standby takes longer than a night."""
SERVER_WAL_MB = 200.0
"""Assumed, per second: what a standby replays in one process, and an archive takes, without falling behind."""
BROKER_CORES = 16
"""Assumed, of one RabbitMQ node."""
BROKER_NODES = 7
"""Beyond it a cluster's agreements cost more than its nodes bring; the next step is another cluster."""
STANDBYS = 2
"""Of each primary: one that a commit waits for, one to spare (deploy/kubernetes: three instances)."""


class Limit(msgspec.Struct, frozen=True):
    """what stops, at which rate of orders a second, and what is done then.

    measured: False where it rests on an assumption."""

    what: str
    orders_per_second: float
    then: str
    measured: bool
