"""How PostgreSQL is set up for a store on a small machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "huge_pages": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "wal_level": "replica",
    "max_wal_senders": "2",
    "wal_buffers": "8MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "10min",
    "autovacuum_naptime": "10s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    "client_connection_check_interval": "2s",
    "log_checkpoints": "off",
    # Without the row that broke a rule: it is somebody's.
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1s",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
"""For a store on a small machine: short statements, many connections, steady vacuum of the outbox and inbox."""

DURABLE: Mapping[str, str] = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def shared_buffers() -> str:
    """Return an eighth of the memory that we may use, within limits."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()) // (1024 * 1024))
    return f"{max(32, min(256, memory // 8))}MB"


def as_text(settings: Mapping[str, str]) -> str:
    """Return the lines of a configuration file."""
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    return "# written at every start; your own settings belong into local.conf\n" + "\n".join(lines) + "\n"
