"""The gateway's routes come from the services, and from nowhere else."""

from __future__ import annotations

from estore.cli.compose import SERVICES
from estore.cli.deploy import FILES, PAGES, PAGES_BY, composed, routes


def test_every_service_has_its_own_prefixes_and_one_has_the_pages() -> None:
    expected = {service.name: set(service.prefixes) for service in composed()}
    expected[PAGES_BY] |= {*PAGES, *FILES}

    assert {name: set(found) for name, found in routes().items()} == expected
    assert set(expected) == set(SERVICES)


def test_no_two_services_share_a_prefix() -> None:
    all_of_them = [prefix for found in routes().values() for prefix in found]

    assert len(all_of_them) == len(set(all_of_them))
