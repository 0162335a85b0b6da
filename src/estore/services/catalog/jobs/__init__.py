"""Timers, and imports, which span many transactions."""

from estore.services.catalog.jobs.importing import ImportWork
from estore.services.catalog.jobs.timers import jobs

__all__ = ["ImportWork", "jobs"]
