"""Each use case with its policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estore.kit.endpoint import ACCEPTED, ANYONE, OPERATOR, READ, SIGNED_IN, SYSTEM_ONLY, WRITE, Edge, Endpoint
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.vendors import service
from estore.services.vendors.service import (
    ApiKeyView,
    Applications,
    HistoryEntry,
    Keys,
    MemberList,
    Plans,
    PlanView,
    Republished,
    VendorView,
)


@dataclass(frozen=True)
class Endpoints:
    apply: Endpoint[Any, VendorView]
    create_vendor: Endpoint[Any, VendorView]
    submit: Endpoint[Any, VendorView]
    accept_terms: Endpoint[Any, VendorView]
    pay_to: Endpoint[Any, VendorView]
    describe: Endpoint[Any, VendorView]
    approve: Endpoint[Any, VendorView]
    reject: Endpoint[Any, VendorView]
    suspend: Endpoint[Any, VendorView]
    reinstate: Endpoint[Any, VendorView]
    charge: Endpoint[Any, VendorView]
    show_plan: Endpoint[Any, PlanView]
    replan: Endpoint[Any, PlanView]
    republish: Endpoint[Any, Republished]
    list_vendors: Endpoint[Any, Page[VendorView]]
    get_vendor: Endpoint[Any, VendorView]
    list_members: Endpoint[Any, MemberList]
    add_member: Endpoint[Any, MemberList]
    change_member: Endpoint[Any, MemberList]
    remove_member: Endpoint[Any, None]
    make_api_key: Endpoint[Any, ApiKeyView]
    list_api_keys: Endpoint[Any, Page[ApiKeyView]]
    revoke_api_key: Endpoint[Any, None]
    list_history: Endpoint[Any, Page[HistoryEntry]]


def build(edge: Edge, applications: Applications, plans: Plans, keys: Keys) -> Endpoints:
    """Return the table of policies. Who is a member, and an owner, is looked up in the vendor's own list."""
    on = edge.endpoint
    return Endpoints(
        apply=on(applications.apply, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=Rate(20, 3600)),
        create_vendor=on(applications.create_vendor, who=SYSTEM_ONLY, tx=WRITE),
        submit=on(applications.submit, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=Rate(20, 3600)),
        accept_terms=on(applications.accept_terms, who=SIGNED_IN, tx=WRITE, rate=Rate(20, 3600)),
        pay_to=on(applications.pay_to, who=SIGNED_IN, tx=WRITE, rate=Rate(10, 3600)),
        describe=on(applications.describe, who=SIGNED_IN, tx=WRITE),
        approve=on(applications.approve, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        reject=on(applications.reject, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        suspend=on(applications.suspend, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        reinstate=on(applications.reinstate, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        charge=on(applications.charge, who=OPERATOR, tx=WRITE),
        show_plan=on(plans.show_plan, who=SIGNED_IN, tx=READ),
        replan=on(plans.replan, who=OPERATOR, tx=WRITE),
        republish=on(service.republish, who=OPERATOR, tx=WRITE),
        list_vendors=on(applications.list_vendors, who=ANYONE, tx=READ),
        get_vendor=on(applications.get_vendor, who=ANYONE, tx=READ),
        list_members=on(service.list_members, who=SIGNED_IN, tx=READ),
        add_member=on(service.add_member, who=SIGNED_IN, tx=WRITE, once=ACCEPTED),
        change_member=on(service.change_member, who=SIGNED_IN, tx=WRITE),
        remove_member=on(service.remove_member, who=SIGNED_IN, tx=WRITE),
        make_api_key=on(keys.make_api_key, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=Rate(20, 3600)),
        list_api_keys=on(service.list_api_keys, who=SIGNED_IN, tx=READ),
        revoke_api_key=on(service.revoke_api_key, who=SIGNED_IN, tx=WRITE),
        list_history=on(service.list_history, who=SIGNED_IN, tx=READ),
    )
