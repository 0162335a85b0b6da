"""Each use case with its policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estore.kit.endpoint import ACCEPTED, ANYONE, OPERATOR, READ, SIGNED_IN, SYSTEM_ONLY, WRITE, Edge, Endpoint
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.vendors import service
from estore.services.vendors.service import MemberList, Republished, VendorView


@dataclass(frozen=True)
class Endpoints:
    apply: Endpoint[Any, VendorView]
    create_vendor: Endpoint[Any, VendorView]
    approve: Endpoint[Any, VendorView]
    reject: Endpoint[Any, VendorView]
    suspend: Endpoint[Any, VendorView]
    reinstate: Endpoint[Any, VendorView]
    charge: Endpoint[Any, VendorView]
    republish: Endpoint[Any, Republished]
    describe: Endpoint[Any, VendorView]
    list_vendors: Endpoint[Any, Page[VendorView]]
    get_vendor: Endpoint[Any, VendorView]
    list_members: Endpoint[Any, MemberList]
    add_member: Endpoint[Any, MemberList]
    change_member: Endpoint[Any, MemberList]
    remove_member: Endpoint[Any, None]


def build(edge: Edge, applications: service.Applications) -> Endpoints:
    """Return the table of policies. Who is a member, and an owner, is looked up in the vendor's own list."""
    on = edge.endpoint
    return Endpoints(
        apply=on(applications.apply, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=Rate(20, 3600)),
        create_vendor=on(service.create_vendor, who=SYSTEM_ONLY, tx=WRITE),
        approve=on(service.approve, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        reject=on(service.reject, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        suspend=on(service.suspend, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        reinstate=on(service.reinstate, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        charge=on(service.charge, who=OPERATOR, tx=WRITE),
        republish=on(service.republish, who=OPERATOR, tx=WRITE),
        describe=on(service.describe, who=SIGNED_IN, tx=WRITE),
        list_vendors=on(service.list_vendors, who=ANYONE, tx=READ),
        get_vendor=on(service.get_vendor, who=ANYONE, tx=READ),
        list_members=on(service.list_members, who=SIGNED_IN, tx=READ),
        add_member=on(service.add_member, who=SIGNED_IN, tx=WRITE, once=ACCEPTED),
        change_member=on(service.change_member, who=SIGNED_IN, tx=WRITE),
        remove_member=on(service.remove_member, who=SIGNED_IN, tx=WRITE),
    )
