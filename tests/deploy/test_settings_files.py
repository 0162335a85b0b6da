"""Any setting may come from a file; what is wrong with it is one line that names the variable."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from estore.kit.settings import Login, SettingError, Settings, load, with_files
from support.warm import warm_estore

pytestmark = pytest.mark.filterwarnings("default")


def test_a_files_last_newline_does_not_count(tmp_path: Path) -> None:
    for text, expected in {"s3cret": "s3cret", "s3cret\n": "s3cret", "s3cret\r\n": "s3cret", "a \n\n": "a \n"}.items():
        (tmp_path / "secret").write_bytes(text.encode())

        found = load(Settings, with_files({"ESTORE_SECRET_FILE": str(tmp_path / "secret")}))

        assert found.secret == expected
        assert found.environment == {"ESTORE_SECRET": expected}


def test_a_services_own_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://estore_orders:pw@db/orders\n")

    settings = load(Settings, with_files({"ESTORE_ORDERS_DATABASE_URL_FILE": str(tmp_path / "url")}))

    assert settings.database_of("orders") == "postgresql://estore_orders:pw@db/orders"


def test_other_variables_that_end_like_that_are_left_alone() -> None:
    assert with_files({"SSL_CERT_FILE": "/nowhere", "ESTORE_PORT": "1"}) == {
        "SSL_CERT_FILE": "/nowhere",
        "ESTORE_PORT": "1",
    }


def test_set_both_ways_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")

    with pytest.raises(SettingError, match="ESTORE_SECRET and ESTORE_SECRET_FILE are both set"):
        with_files({"ESTORE_SECRET": "two", "ESTORE_SECRET_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize("content", ["", "\n", " \r\n"])
def test_an_empty_file_is_no_setting_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "amqp_url").write_bytes(content.encode())

    with pytest.raises(SettingError, match=r"ESTORE_AMQP_URL_FILE=.*amqp_url is empty"):
        with_files({"ESTORE_AMQP_URL_FILE": str(tmp_path / "amqp_url")})


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_file_is_one_line_and_exit_code_2(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    ended = estore("serve", "orders", ESTORE_SECRET_FILE=str(path))

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"estore: ESTORE_SECRET_FILE={path} cannot be read: ")
    assert ended.stderr.count("\n") == 1


def test_a_misspelt_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")

    ended = estore("serve", "orders", ESTORE_SECRETT_FILE=str(tmp_path / "secret"))

    assert ended.returncode == 2
    assert ended.stderr == "estore: ESTORE_SECRETT is no setting; is ESTORE_SECRET meant?\n"


def test_a_service_may_have_a_secret_of_its_own() -> None:
    shared = Settings(secret="shared")
    own = Settings(secret="shared", environment={"ESTORE_ORDERS_SECRET": "own"})

    assert own.derived("orders guests") == Settings(secret="own").derived("orders guests")
    assert own.derived("cart guests") == shared.derived("cart guests")


@pytest.mark.parametrize(
    ("variable", "value", "scheme"),
    [
        ("ESTORE_DATABASE_URL", "s3cret@db/orders", "postgresql"),
        ("ESTORE_ORDERS_DATABASE_URL", "mysql://u:s3cret@db/orders", "postgresql"),
        ("ESTORE_AMQP_URL", "http://u:s3cret@broker", "amqp"),
        ("ESTORE_AMQP_URL", "amqp://u:s3cret@broker:many/", "amqp"),
        ("ESTORE_PUBLIC_URL", "shop.example/s3cret", "http"),
        ("ESTORE_OTLP_ENDPOINT", "jaeger:4318/s3cret", "http"),
        ("ESTORE_DATABASE_URL", "postgresql://u:s3cret@[::1/orders", "postgresql"),
    ],
)
def test_an_address_that_is_none_is_told_by_name_and_without_its_password(
    variable: str, value: str, scheme: str
) -> None:
    ended = estore("serve", "orders", **{variable: value})

    assert ended.returncode == 2
    assert ended.stderr == f"estore: {variable} is wrong: it must be an address that begins with {scheme}://\n"


def test_a_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(SettingError, match="ESTORE_PROXIES='gateway' is wrong"):
        Settings(proxies="gateway")


@pytest.mark.parametrize(
    ("variable", "value"), [("ESTORE_POOL_MAX", "0"), ("ESTORE_POOL_MAX", "1001"), ("ESTORE_RATE_FACTOR", "-1")]
)
def test_a_number_out_of_range_is_told_in_a_line(variable: str, value: str) -> None:
    ended = estore("serve", "orders", **{variable: value})

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"estore: {variable}={value!r} is wrong: ")
    assert ended.stderr.count("\n") == 1


def estore(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ESTORE_")}
    return warm_estore(arguments, clean | environment, seconds=240)


def test_another_master_secret_is_accepted_while_it_is_exchanged() -> None:
    old, new = Settings(secret="old"), Settings(secret="new")
    both = Settings(secret="new", secret_accepted="old", database_url="postgresql://admin:pw@db/store")
    own = Settings(secret="new", environment={"ESTORE_ORDERS_SECRET": "mine", "ESTORE_ORDERS_SECRET_ACCEPTED": "was"})

    assert both.accepted("cart guests") == (new.derived("cart guests"), old.derived("cart guests"))
    assert new.accepted("cart guests") == (both.derived("cart guests"),)
    assert own.accepted("orders guests") == tuple(Settings(secret=s).derived("orders guests") for s in ("mine", "was"))
    assert own.accepted("cart guests") == new.accepted("cart guests")
    login = both.database_of("orders")
    assert isinstance(login, Login)
    assert login.also == (f"postgresql://estore_orders:{old.derived('role orders')}@db/store",)
