"""RabbitMQ's scripts: where they are, and how they get onto a Debian."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from estore.kit.processes import EmbeddedError, output_of

INSTALL_TIMEOUT = 900.0
"""Seconds for each of apt-get's two steps."""
POLICY = Path("/usr/sbin/policy-rc.d")
PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)


def find_rabbitmq() -> Path | None:
    """Look for RabbitMQ's own start script (not Debian's wrapper, which insists on the system's user).

    Returns:
        The folder that holds `rabbitmq-server` and `rabbitmqctl`, or None.
    """
    for place in (os.environ.get("ESTORE_RABBITMQ_SBIN", ""), *PLACES):
        if place and (Path(place) / "rabbitmq-server").exists():
            return Path(place)
    return None


async def install_rabbitmq(say: Callable[[str], None]) -> Path:
    """Install RabbitMQ from Debian's packages, without starting the system service that comes with it.

    Args:
        say: told in one line what happens, before it does.

    Returns:
        The folder that holds RabbitMQ's scripts; at once when it is there already.

    Raises:
        EmbeddedError: this is not a Debian, we are not root, or the installation fails.
    """
    if (found := find_rabbitmq()) is not None:
        return found
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise EmbeddedError(
            "RabbitMQ is not installed: install it (Debian, as root: apt-get install rabbitmq-server), "
            "or name a running one in ESTORE_TEST_AMQP_URL"
        )
    say("installing RabbitMQ (apt-get install rabbitmq-server)")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=600"]
    steps: list[list[str | Path]] = [
        [apt, *wait, "update"],
        [apt, *wait, "install", "-y", "--no-install-recommends", "rabbitmq-server"],
    ]
    with _services_stay_off():
        for step in steps:
            code, output = await output_of(step, env, INSTALL_TIMEOUT)
    if code != 0 or (found := find_rabbitmq()) is None:
        raise EmbeddedError(f"RabbitMQ could not be installed: {(output.splitlines() or ['no reason given'])[-1]}")
    return found


@contextmanager
def _services_stay_off() -> Iterator[None]:
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)
