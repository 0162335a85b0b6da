"""The OpenAPI document is valid, complete, and true: whatever is asked of a running store, it answers as documented."""

from __future__ import annotations

import asyncio
import copy
import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import CacheConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from estore.cli.examples import EXAMPLES
from support.databases import Databases
from support.market import HASTY, Market, in_process
from system.asked import Asked, filled, operations, the_document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = ("guest", "customer", "vendor", "operator")
# Four roles take turns.
EXAMPLES_EACH = int(os.environ.get("ESTORE_FUZZ_EXAMPLES", "5"))


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return the_document()


def test_it_is_valid(openapi: dict[str, Any]) -> None:
    validate(openapi)


def test_every_operation_says_what_it_does(openapi: dict[str, Any]) -> None:
    mute = [
        f"{method.upper()} {path}"
        for path, method, operation in operations(openapi)
        if not (operation["summary"] and operation["description"].partition("Who:")[0].strip() and operation["tags"])
    ]

    assert not mute


def test_every_path_parameter_and_tag_is_explained(openapi: dict[str, Any]) -> None:
    parameters = {
        parameter["name"]
        for _, _, operation in operations(openapi)
        for parameter in operation["parameters"]
        if not parameter["description"]
    }

    assert not parameters
    assert not [tag["name"] for tag in openapi["tags"] if not tag["description"]]


def test_operation_ids_are_unique(openapi: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(openapi)]

    assert len(ids) == len(set(ids))


def test_what_is_sent_is_closed(openapi: dict[str, Any]) -> None:
    for path, method, operation in operations(openapi):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "schema" in content:
            name = content["schema"]["$ref"].rpartition("/")[2]

            assert openapi["components"]["schemas"][name]["additionalProperties"] is False, f"{method} {path}: {name}"


def test_policies_are_documented(openapi: dict[str, Any]) -> None:
    place = openapi["paths"]["/v1/orders"]["post"]
    headers = {p["name"]: p["required"] for p in place["parameters"] if p["in"] == "header"}

    assert headers == {"Idempotency-Key": True, "Prefer": False, "Cart-Secret": False}
    assert {"Location", "Preference-Applied", "Idempotency-Replayed"} <= set(place["responses"]["202"]["headers"])
    change = openapi["paths"]["/v1/products/{product_id}"]["patch"]
    assert {"If-Match": True}.items() <= {p["name"]: p["required"] for p in change["parameters"]}.items()
    assert change["security"] == [{"bearer": []}]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_are_what_they_are_examples_of(openapi: dict[str, Any], name: str) -> None:
    [operation] = [operation for _, _, operation in operations(openapi) if operation["operationId"] == name]
    bodies, answers = EXAMPLES[name]
    pairs = [
        *((body, operation["requestBody"]["content"]["application/json"]["schema"]) for body in bodies.values()),
        *(
            (answer, operation["responses"][status]["content"]["application/json"]["schema"])
            for status, answer in answers.items()
        ),
    ]
    for example, schema in pairs:
        jsonschema.validate(example, schema | {"components": openapi["components"]})


# --- it is true -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def asked(databases: Databases) -> AsyncIterator[Asked]:
    """A vendor with products in every state, a guest's and a customer's order, and a token for each role."""
    async with in_process(databases, **HASTY, ESTORE_IDENTITY_ATTEMPTS_FACTOR="0") as store:
        market = await Market(store).open()
        yield await filled(store, market)


def schema_of(openapi: dict[str, Any]) -> Any:
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig()), cache=CacheConfig(enabled=False))
    return schemathesis.openapi.from_dict(openapi, config=config)


def complaints(openapi: dict[str, Any], asked: Asked) -> list[str]:
    """Ask everything as everybody, with values that fit the document and values that do not."""
    found: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for result in schema_of(openapi).get_all_operations():
            operation = result.ok()
            try:
                ask(operation, session, asked, {role: asked.headers(role) for role in ROLES})
            except (Exception, BaseExceptionGroup) as error:
                found.append(f"{operation.label}: {error}")
    return found


def ask(operation: Any, session: requests.Session, asked: Asked, headers: dict[str, dict[str, str]]) -> None:
    either = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    turns = itertools.cycle(ROLES)

    @seed(20260101)
    @settings(
        max_examples=EXAMPLES_EACH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(case=either, data=st.data())
    def send(case: Any, data: st.DataObject) -> None:
        for name in list(case.path_parameters or {}):
            if (values := asked.known.get(name)) and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(values))
        for name, value in headers[next(turns)].items():
            case.headers[name] = value
        answer = case.call(base_url=asked.url, session=session)
        case.validate_response(answer, checks=CHECKS)

    send()


async def test_every_answer_is_documented(openapi: dict[str, Any], asked: Asked) -> None:
    found = await asyncio.to_thread(complaints, openapi, asked)

    assert not found, "\n\n".join(found)


async def test_an_undocumented_answer_would_be_found(openapi: dict[str, Any], asked: Asked) -> None:
    """The test above can fail: with half a document it does."""
    half = {
        **openapi,
        "paths": {path: copy.deepcopy(openapi["paths"][path]) for path in ("/v1/quotes", "/v1/products")},
    }
    del half["paths"]["/v1/quotes"]["post"]["responses"]["422"]
    del half["paths"]["/v1/quotes"]["post"]["responses"]["400"]
    page = half["paths"]["/v1/products"]["get"]["responses"]["200"]["content"]["application/json"]
    page["schema"] = {"type": "object", "required": ["surprise"]}
    found = await asyncio.to_thread(complaints, half, asked)

    assert sorted({text.partition(":")[0] for text in found}) == ["GET /v1/products", "POST /v1/quotes"]
