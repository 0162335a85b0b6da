"""Who may do what to reviews, and how."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.orders import ParcelDelivered
from estore.kit.context import Principal
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    OPERATOR,
    READ,
    SIGNED_IN,
    VENDOR,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.errors import Denied
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.reviews import service
from estore.services.reviews.service import shapes

PUBLIC = Rate(600)
WRITING = Rate(60, 3600)
VOTING = Rate(120)
REPORTING = Rate(30, 3600)


def PERSON(principal: Principal) -> None:
    """Any account; no API key."""
    SIGNED_IN(principal)
    if principal.is_key:
        raise Denied("people review, vote and report; programs do not")


@dataclass(frozen=True)
class Endpoints:
    list_reviews: Endpoint[shapes.ListReviews, Page[shapes.ReviewOut]]
    get_review: Endpoint[str, shapes.ReviewOut]
    summary: Endpoint[str, shapes.Summary]
    list_mine: Endpoint[shapes.ListLines, Page[shapes.MyLine]]
    post_review: Endpoint[shapes.PostReview, shapes.ReviewOut]
    edit_review: Endpoint[tuple[str, shapes.EditReview], shapes.ReviewOut]
    delete_review: Endpoint[str, shapes.Nothing]
    vote: Endpoint[str, shapes.Helpful]
    unvote: Endpoint[str, shapes.Nothing]
    report: Endpoint[tuple[str, shapes.ReportReview], shapes.Reported]
    reply: Endpoint[tuple[str, shapes.WriteReply], shapes.ReviewOut]
    remove_reply: Endpoint[str, shapes.Nothing]
    list_queue: Endpoint[shapes.ListQueue, Page[shapes.Waiting]]
    approve: Endpoint[str, shapes.ReviewOut]
    reject: Endpoint[tuple[str, shapes.RejectReview], shapes.ReviewOut]
    product_published: Handler[ProductPublished]
    product_changed: Handler[ProductChanged]
    product_archived: Handler[ProductArchived]
    parcel_delivered: Handler[ParcelDelivered]
    account_erased: Handler[AccountErased]


def build(edge: Edge, writing: service.Writing) -> Endpoints:
    """Return the use cases of reviews with their policies."""
    on = edge.endpoint
    return Endpoints(
        list_reviews=on(service.list_reviews, who=ANYONE, tx=READ, rate=PUBLIC),
        get_review=on(service.get_review, who=ANYONE, tx=READ, rate=PUBLIC),
        summary=on(service.summary, who=ANYONE, tx=READ, rate=PUBLIC),
        list_mine=on(service.list_mine, who=PERSON, tx=READ, rate=PUBLIC),
        post_review=on(writing.post_review, who=PERSON, tx=WRITE, once=ACCEPTED, rate=WRITING),
        edit_review=on(writing.edit_review, who=PERSON, tx=WRITE, rate=WRITING),
        delete_review=on(service.delete_review, who=PERSON, tx=WRITE, rate=WRITING),
        vote=on(service.vote, who=PERSON, tx=WRITE, rate=VOTING),
        unvote=on(service.unvote, who=PERSON, tx=WRITE, rate=VOTING),
        report=on(service.report, who=PERSON, tx=WRITE, once=ACCEPTED, rate=REPORTING),
        reply=on(service.reply, who=VENDOR, tx=WRITE, rate=PUBLIC),
        remove_reply=on(service.remove_reply, who=VENDOR, tx=WRITE, rate=PUBLIC),
        list_queue=on(service.list_queue, who=OPERATOR, tx=READ),
        approve=on(service.approve, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        reject=on(service.reject, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        product_published=edge.consumer(service.product_published),
        product_changed=edge.consumer(service.product_changed),
        product_archived=edge.consumer(service.product_archived),
        parcel_delivered=edge.consumer(service.parcel_delivered),
        account_erased=edge.consumer(service.account_erased),
    )
