"""What a process tells of itself: logs as JSON with ids, metrics, traces, and the observing layer of every endpoint.

Prevents: an outage that nobody can explain. What is told carries ids, never personal data or secrets.
`logs` and `private` say what a line looks like and what is left out of it, `metrics` names every series of the kit,
`tracing` is the door to `otel`, which alone knows OpenTelemetry and is imported only where traces are wanted.
"""

from estore.kit.telemetry.logs import configure_logging, log
from estore.kit.telemetry.metrics import CALLS, MESSAGES, OUTBOX_AGE, RELAYED
from estore.kit.telemetry.observing import observed

__all__ = ["CALLS", "MESSAGES", "OUTBOX_AGE", "RELAYED", "configure_logging", "log", "observed"]
