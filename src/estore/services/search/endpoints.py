"""One screen: who may do what, in which transaction, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.catalog import (
    CategoryChanged,
    CategoryDeleted,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderConfirmed
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    NONE,
    OPERATOR,
    READ,
    SYSTEM_ONLY,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.search import service
from estore.services.search.service import hearing, shapes

CLICKS = Rate(300)


@dataclass(frozen=True)
class Endpoints:
    """The use cases of search, each with its policy."""

    find: Endpoint[shapes.Search, shapes.SearchResult]
    suggest: Endpoint[shapes.Suggest, shapes.Suggestions]
    related: Endpoint[shapes.Neighbours, shapes.HitList]
    bought_together: Endpoint[shapes.Neighbours, shapes.HitList]
    click: Endpoint[shapes.Click, shapes.Nothing]
    get_synonyms: Endpoint[None, shapes.Synonyms]
    put_synonyms: Endpoint[shapes.PutSynonyms, shapes.Synonyms]
    get_stop_words: Endpoint[None, shapes.StopWords]
    put_stop_words: Endpoint[shapes.PutStopWords, shapes.StopWords]
    get_unsuggested: Endpoint[None, shapes.Unsuggested]
    put_unsuggested: Endpoint[shapes.PutUnsuggested, shapes.Unsuggested]
    list_rules: Endpoint[shapes.Pages, Page[shapes.RuleOut]]
    create_rule: Endpoint[shapes.CreateRule, shapes.RuleOut]
    delete_rule: Endpoint[str, shapes.Nothing]
    analytics: Endpoint[shapes.Analytics, shapes.AnalyticsOut]
    status: Endpoint[None, shapes.IndexOut]
    rebuild: Endpoint[None, shapes.IndexOut]
    aim: Endpoint[None, service.Aim]
    number: Endpoint[None, None]
    changes: Endpoint[int, service.Piece]
    chunk: Endpoint[int, service.Piece]
    tell_sold: Endpoint[None, int]
    fade: Endpoint[None, int]
    write_statistics: Endpoint[None, int]
    forget: Endpoint[None, int]
    learn_published: Handler[ProductPublished]
    learn_changed: Handler[ProductChanged]
    learn_archived: Handler[ProductArchived]
    learn_prices: Handler[PriceChanged]
    learn_availability: Handler[StockAvailabilityChanged]
    learn_ratings: Handler[ReviewRatingChanged]
    learn_sales: Handler[OrderConfirmed]
    learn_approved: Handler[VendorApproved]
    learn_suspended: Handler[VendorSuspended]
    learn_categories: Handler[CategoryChanged]
    learn_deleted_categories: Handler[CategoryDeleted]


def build(
    edge: Edge,
    desk: service.Desk,
    ruling: service.Ruling,
    statistics: service.Statistics,
    indexing: service.Indexing,
) -> Endpoints:
    """Return the endpoints. Anybody may search; words, rules, statistics and the index are the operator's."""
    end = edge.endpoint
    return Endpoints(
        find=end(desk.find, who=ANYONE, tx=READ),
        suggest=end(desk.suggest, who=ANYONE, tx=READ),
        related=end(desk.related, who=ANYONE, tx=READ),
        bought_together=end(desk.bought_together, who=ANYONE, tx=READ),
        click=end(statistics.click, who=ANYONE, tx=NONE, rate=CLICKS),
        get_synonyms=end(service.get_synonyms, who=OPERATOR, tx=READ),
        put_synonyms=end(ruling.put_synonyms, who=OPERATOR, tx=WRITE),
        get_stop_words=end(service.get_stop_words, who=OPERATOR, tx=READ),
        put_stop_words=end(ruling.put_stop_words, who=OPERATOR, tx=WRITE),
        get_unsuggested=end(service.get_unsuggested, who=OPERATOR, tx=READ),
        put_unsuggested=end(ruling.put_unsuggested, who=OPERATOR, tx=WRITE),
        list_rules=end(service.list_rules, who=OPERATOR, tx=READ),
        create_rule=end(ruling.create_rule, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        delete_rule=end(ruling.delete_rule, who=OPERATOR, tx=WRITE),
        analytics=end(service.analytics, who=OPERATOR, tx=READ),
        status=end(indexing.status, who=OPERATOR, tx=READ),
        rebuild=end(indexing.rebuild, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        aim=end(indexing.aim, who=SYSTEM_ONLY, tx=WRITE),
        number=end(indexing.number, who=SYSTEM_ONLY, tx=WRITE, timeout=60),
        changes=end(indexing.changes, who=SYSTEM_ONLY, tx=READ, timeout=60),
        chunk=end(indexing.chunk, who=SYSTEM_ONLY, tx=READ, timeout=60),
        tell_sold=end(hearing.tell_sold, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        fade=end(hearing.fade, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        write_statistics=end(statistics.write, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        forget=end(service.forget, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        learn_published=edge.consumer(hearing.learn_published),
        learn_changed=edge.consumer(hearing.learn_changed),
        learn_archived=edge.consumer(hearing.learn_archived),
        learn_prices=edge.consumer(hearing.learn_prices),
        learn_availability=edge.consumer(hearing.learn_availability),
        learn_ratings=edge.consumer(hearing.learn_ratings),
        learn_sales=edge.consumer(hearing.learn_sales),
        learn_approved=edge.consumer(hearing.learn_approved),
        learn_suspended=edge.consumer(hearing.learn_suspended),
        learn_categories=edge.consumer(hearing.learn_categories),
        learn_deleted_categories=edge.consumer(hearing.learn_deleted_categories),
    )
