"""`estore up`: opens, says what to try, says in one line what is wrong, and survives what happens to processes.

And the commands that look into the open store. In one file, so that one store serves all.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cli.opened import COMMAND, Up, environment, estore
from estore.cli import store
from estore.cli.compose import build
from estore.contracts.orders import OrderPlaced
from estore.kit.embedded import EmbeddedPostgres
from estore.kit.ids import new_message_id
from estore.kit.runtime import all_subscriptions


def test_the_welcome_is_true(shop: Up) -> None:
    addresses = re.findall(r"(http://\S+)", shop.out.partition("Demo logins")[0])

    assert len(addresses) == 5
    for address in addresses:
        assert shop.get(address.removeprefix(shop.url))[0] == 200, address


def test_the_lines_to_try_work_when_pasted(shop: Up) -> None:
    lines = [line.strip() for line in shop.out.partition("\nTry:")[2].splitlines()]
    answers, signed_in = [], []
    for line in lines:
        if re.match("[A-Z]=", line):
            signed_in.append(line)
        elif line.startswith("curl "):
            script = "\n".join([*signed_in, line])
            told = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True, timeout=120).stdout
            answers.append(json.loads(told))

    products, order, stock, quote, balances, statement, dashboard, payouts, sheet = answers
    (balance,) = balances["data"]
    # On Mondays the weekly run pays out at once what is available.
    assert balance["paid_out"]["amount"] > 0 <= balance["available"]["amount"]
    assert {"sale", "refund", "payout"} <= {line["kind"] for line in statement["lines"]}
    assert "partly_shipped" in {row["state"] for row in dashboard["open"]}
    assert "paid" in {row["status"] for row in payouts["data"]}
    assert [row["total"]["amount"] for row in sheet["currencies"]] == [0]
    assert len(products["data"]) == 3
    assert (order["status"], order["payment_status"]) == ("confirmed", "captured")
    assert stock["sku"] == order["lines"][0]["sku"]
    assert [(one["code"], one["applied"]) for one in quote["promotions"] if one["code"]] == [("WELCOME10", True)]
    assert quote["totals"]["discount"]["amount"] > 0


def test_the_demo_logins_sign_in(shop: Up) -> None:
    logins = re.findall(r"^  (operator|vendor|customer) +(\S+) +(\S+)$", shop.out, re.MULTILINE)

    assert [role for role, _, _ in logins] == ["operator", "vendor", "customer"]
    for _, email, password in logins:
        status, tokens = shop.send("POST", "/v1/sessions", {"email": email, "password": password})
        assert status == 201, tokens


def test_without_a_terminal_nothing_is_coloured(shop: Up) -> None:
    assert "\x1b" not in shop.out + shop.err


def test_a_killed_worker_is_replaced_and_the_store_goes_on(shop: Up) -> None:
    victim, other = shop.workers()
    os.kill(victim, signal.SIGKILL)
    shop.until("there is another worker", lambda: len(set(shop.workers()) - {victim, other}) == 1)

    orders = [shop.buy(f"after-the-kill-{n}") for n in range(4)]
    assert [order["status"] for order in orders] == ["confirmed"] * 4
    assert f"process {victim} ended (-9)" in shop.err


def test_a_second_store_on_the_same_folder_is_refused(shop: Up) -> None:
    told = estore("up", "--no-seed", "--port", "0", "--data", str(shop.data))

    assert told.returncode == 1
    assert one_line(told) == f"estore: the data folder {shop.data} is in use by process {shop.running.pid}"


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = estore("up", "--no-seed", "--port", str(port), "--data", str(folder / "taken"))

    assert told.returncode == 1
    assert one_line(told).startswith(f"estore: port {port} on 127.0.0.1 cannot be used: Address already in use")
    assert not (folder / "taken" / "postgres").exists()


def test_a_data_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    for data in (folder / "file", folder / "file" / "below", Path("/proc/estore")):
        told = estore("up", "--no-seed", "--port", "0", "--data", str(data))

        assert told.returncode == 1
        assert one_line(told).startswith(f"estore: the data folder {data} cannot be written: ")


def test_a_database_that_cannot_be_reached_is_told(folder: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    told = estore("up", "--no-seed", "--port", "0", "--data", str(folder / "far"), "--database", url)

    assert told.returncode == 1
    assert one_line(told).startswith("estore: the database of --database cannot be reached")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ESTORE_POOL_MAX", "many", "ESTORE_POOL_MAX='many' is wrong"),
        ("ESTORE_LOG_LEVEL", "loud", "ESTORE_LOG_LEVEL='loud' is wrong"),
        ("ESTORE_PAYMENTS_LEASE", "soon", "ESTORE_PAYMENTS_LEASE='soon' is wrong"),
        ("ESTORE_LOGLEVEL", "info", "ESTORE_LOGLEVEL is no setting; is ESTORE_LOG_LEVEL meant?"),
        ("ESTORE_PAYMENT_LEASE", "8", "ESTORE_PAYMENT_LEASE is no setting; is ESTORE_PAYMENTS_LEASE meant?"),
    ],
)
def test_a_wrong_setting_is_named(folder: Path, name: str, value: str, said: str) -> None:
    told = estore("up", "--no-seed", "--port", "0", "--data", str(folder / "never"), **{name: value})

    assert told.returncode == 2
    assert one_line(told).startswith(f"estore: {said}")
    assert not (folder / "never").exists()


def test_a_service_that_cannot_start_says_why_once(empty: Path) -> None:
    told = estore(
        *("up", "--no-seed", "--port", "0", "--data", str(empty), "--workers", "2"), ESTORE_ORDERS_TABLES="/nowhere"
    )

    assert told.returncode == 1
    assert [line for line in told.stderr.splitlines() if "✓" not in line] == [
        "estore: ESTORE_ORDERS_TABLES: /nowhere: [Errno 2] No such file or directory: '/nowhere'"
    ]


def test_a_warm_start_and_an_end_by_ctrl_c(empty: Path) -> None:
    before = os.times()
    up = Up(empty, "--no-seed").start()
    status, _ = up.get("/healthz")

    assert status == 200
    assert re.search(r"open after [\d.]+ s", up.out)
    assert up.interrupt() == 0
    after = os.times()
    took = after.children_user + after.children_system - before.children_user - before.children_system
    assert took < 15, "seconds of processor time: five, and twice that for a machine that does other things"
    assert "closed; nothing is lost" in up.err
    assert not (empty / "running.json").exists()
    assert estore("events", "--no-follow", "--data", str(empty)).returncode == 1


def test_on_a_terminal_it_is_coloured(folder: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ["up", "--no-seed", "--data", str(folder / "file")]
    (folder / "file").write_text("in the way")
    process = subprocess.Popen([*COMMAND, *arguments], env=environment(TERM="xterm"), stderr=theirs, stdout=theirs)
    os.close(theirs)
    process.wait(120)
    said = os.read(ours, 10_000).decode()
    os.close(ours)

    assert "\x1b[31mestore:" in said


# --- commands that look into it -------------------------------------------------------------------------------------


def test_events_tell_a_purchase_in_its_order(shop: Up) -> None:
    order = shop.buy("to-be-followed")
    told = shop.estore("events", "--no-follow", "--since", "600", "--json", "--about", order["id"])
    events = [json.loads(line) for line in told.stdout.splitlines()]
    names = [event["name"] for event in events]

    assert told.returncode == 0
    assert names[0] == "order.placed.v1"
    assert {"order.payment_requested.v1", "order.confirmed.v1"} <= set(names)
    assert names.index("order.payment_requested.v1") < names.index("order.confirmed.v1")
    assert events[0]["body"]["order_id"] == order["id"]


def test_events_are_readable_and_can_be_chosen(shop: Up) -> None:
    order = shop.buy("to-be-read")
    told = shop.estore("events", "order.*", "--no-follow", "--since", "600", "--about", order["id"])

    assert told.stdout.split()[1] == "order.placed.v1"
    assert all(line.split()[1].startswith("order.") for line in told.stdout.splitlines())


def test_doctor_proves_the_store(shop: Up) -> None:
    told = shop.estore("doctor", "--json")

    assert told.returncode == 0, told.stdout + told.stderr
    findings = json.loads(told.stdout)
    assert {"number", "service", "name", "over", "broken"} == set(findings[0])
    assert any(finding["over"] > 20 for finding in findings)


def test_a_dead_letter_is_listed_shown_delivered_again_and_dropped(shop: Up) -> None:
    queue = "inventory.reservations"
    queues = all_subscriptions(build(store.running(shop.data)))
    hear = {each.queue for each in queues if OrderPlaced in each.handlers}
    poison = asyncio.run(emit(shop, "order.placed.v1", b'{"not": "an order"}'))

    def dead() -> Any:
        return json.loads(shop.estore("dlq", "list", "--json").stdout)

    def everywhere() -> Any:
        found = [letter for letter in dead() if letter["id"] == poison]
        return found if {letter["queue"] for letter in found} == hear else None

    letters = shop.until("a dead letter in each queue that hears it", everywhere)
    [letter] = [each for each in letters if each["queue"] == queue]
    assert letter["body"] == {"not": "an order"}
    assert letter["error"]
    assert poison in shop.estore("dlq", "list", queue).stdout
    assert json.loads(shop.estore("dlq", "show", queue, poison).stdout) == letter
    assert shop.estore("doctor").returncode == 1, "a dead letter is something that does not hold"

    assert shop.estore("dlq", "requeue", queue, "--id", poison).stdout == "requeue: 1 messages\n"
    again = shop.until("it is dead again", lambda: [x for x in dead() if x["queue"] == queue and x["id"] == poison])
    assert again[0]["failed_at"] > letter["failed_at"]

    assert shop.estore("dlq", "drop", queue).returncode == 2, "never all of them by accident"
    for other in {x["queue"] for x in dead()}:
        assert shop.estore("dlq", "drop", other, "--all").returncode == 0
    assert dead() == []
    proved = shop.estore("doctor")
    assert proved.returncode == 0, proved.stdout + proved.stderr


def test_an_unknown_queue_or_letter_is_told(shop: Up) -> None:
    unknown = shop.estore("dlq", "list", "inventory.nothing")
    missing = shop.estore("dlq", "show", "inventory.reservations", str(uuid4()))

    assert unknown.returncode == 2
    assert "there is no queue 'inventory.nothing'; there are " in unknown.stderr
    assert missing.returncode == 1
    assert "has no dead letter" in missing.stderr


async def emit(up: Up, name: str, body: bytes) -> str:
    """Put an event on the outbox of orders, as a defect of that service would."""
    settings = store.running(up.data)
    conn = await asyncpg.connect(settings.database_of("orders"), server_settings={"search_path": "orders"})
    try:
        found = new_message_id()
        await conn.execute(
            "INSERT INTO outbox"
            " (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent, body)"
            " VALUES ($1, $2, 'ord_none', 1, now(), 'cor_none', '', '', $3)",
            found,
            name,
            body,
        )
        return str(found)
    finally:
        await conn.close()


# --- and the power cut ----------------------------------------------------------------------------------------------


def test_a_store_that_was_killed_has_lost_nothing(shop: Up) -> None:
    kept = shop.buy("before-the-power-cut")
    moving = [
        shop.buy(f"moving-{n}-{method}", payment_method=method) for n in range(4) for method in ("pm_slow", "pm_ok")
    ]
    url, workers = shop.url, shop.workers()
    shop.kill9()
    shop.start(port=int(url.rpartition(":")[2]))

    assert shop.url == url
    shop.until("its workers are gone", lambda: not [pid for pid in workers if Path(f"/proc/{pid}").exists()])

    for order in (kept, *moving):
        secret = {"Order-Secret": order["secret"]}

        def confirmed(path: str = f"/v1/orders/{order['id']}", secret: dict[str, str] = secret) -> bool:
            status = shop.get(path, **secret)[1].get("status")
            assert status not in ("rejected", "cancelled")
            return bool(status == "confirmed")

        shop.until(f"{order['id']} is confirmed", confirmed)
    proved = shop.estore("doctor")
    assert proved.returncode == 0, proved.stdout + proved.stderr


def test_on_a_given_postgresql(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "given", durable=False)
    asyncio.run(server.start())
    try:
        up = Up(folder / "on-given", "--no-seed", "--workers", "1", "--database", server.dsn).start()
        assert up.get("/v1/products")[0] == 200
        assert not (folder / "on-given" / "postgres").exists()
        assert up.interrupt() == 0
    finally:
        server.kill9()


@pytest.mark.slow
def test_on_a_rabbitmq_of_its_own(folder: Path) -> None:
    up = Up(folder / "rabbit", "--amqp", "embedded").start()
    try:
        order = up.buy("over-rabbitmq")
        assert order["status"] == "confirmed", order
        assert up.running.amqp_url.startswith("amqp://")
    finally:
        assert up.interrupt() == 0


def one_line(told: subprocess.CompletedProcess[str]) -> str:
    """The only line that was said."""
    [line] = told.stderr.splitlines()
    assert not told.stdout
    return line
