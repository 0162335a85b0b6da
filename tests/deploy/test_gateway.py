"""The gateway's routes come from the services, and from nowhere else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from estore.cli.compose import SERVICES
from estore.cli.deploy import FILES, PAGES, PAGES_BY, composed, routes
from estore.cli.deploy.gateway import render
from estore.cli.problems import codes
from estore.cli.serve import _pages
from estore.kit.http.cache import ReadCache
from estore.kit.http.server import server

PATHS = {prefix: service for service, prefixes in routes().items() for prefix in prefixes}


def test_every_service_has_its_own_prefixes_and_one_has_the_pages() -> None:
    expected = {service.name: set(service.prefixes) for service in composed()}
    expected[PAGES_BY] |= {*PAGES, *FILES}

    assert {name: set(found) for name, found in routes().items()} == expected
    assert set(expected) == set(SERVICES)


def test_no_two_services_share_a_prefix() -> None:
    all_of_them = [prefix for found in routes().values() for prefix in found]

    assert len(all_of_them) == len(set(all_of_them))


def test_the_table_of_the_gateway_sends_each_path_to_its_service() -> None:
    table = [line.split() for line in render().splitlines() if line.strip().startswith("~^/") and line.endswith(";")]
    rules = [(re.compile(pattern.removeprefix("~")), service.rstrip(";")) for pattern, service in table[: len(PATHS)]]

    for path, service in {**PATHS, "/v1/ordersx": "", "/metrics": "", "/readyz": "", "/v1": "", "/": ""}.items():
        assert next((name for pattern, name in rules if pattern.search(path)), "") == service
        if service:
            assert next(name for pattern, name in rules if pattern.search(f"{path}/x/y")) == service


def test_what_the_gateway_says_itself_is_a_problem_document() -> None:
    documents = [json.loads(found) for found in re.findall(r"return \d+ '(\{.*code.*\})';", render())]
    known = {(code.code, code.status, code.title) for code in codes()}

    assert {document["status"] for document in documents} == {400, 404, 405, 413, 414, 431, 503}
    for document in documents:
        assert (document["code"], document["status"], document["title"]) in known
        assert document["type"] == f"/docs/problems#{document['code']}"


def test_a_part_of_the_store_shows_the_documents_of_all_of_it() -> None:
    [cart] = composed(["cart"])
    pages = _pages([cart])

    document = json.loads(pages["/openapi.json"][1]())

    assert {"/v1/orders", "/v1/carts", "/v1/search"} <= set(document["paths"])


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [("127.0.0.1,::1", "172.18.0.9"), ("10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "203.0.113.7")],
)
async def test_the_client_is_whom_a_gateway_that_is_believed_says(proxies: str, expected: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    config = server(app, ReadCache(), proxies=proxies).config
    config.load()
    headers = [(b"x-forwarded-for", b"203.0.113.7")]
    await config.loaded_app({"type": "http", "client": ("172.18.0.9", 1), "headers": headers}, None, None)

    assert seen == [expected]
