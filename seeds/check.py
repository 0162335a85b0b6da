#!/usr/bin/env python3
"""Check the seed files against each other: `python3 seeds/check.py`.

Prints one line per fault and exits with 1, or prints the counts and exits with 0.
"""

# ruff: noqa: T201

import json
import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SKU = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
EMAIL = re.compile(r"[a-z0-9.]+@([a-z0-9-]+\.)*(example\.com|example\.org|[a-z0-9-]+\.example)")
SHIPPING = {"standard", "express"}
PAYMENT = {"pm_ok", "pm_declined", "pm_requires_action", "pm_disputed"}
DELIVERED = {"deliver", "settle", "return", "ask_return", "goodwill"}
THEN = DELIVERED | {"none", "ship", "ship_partly", "ship_some", "cancel"}
CHARGED = {"pm_ok", "pm_disputed"}
PICTURE_LIMIT = 3000
TITLES_WANTED = 1_000_000

faults: list[str] = []


def expect(holds: object, complaint: str) -> None:
    if not holds:
        faults.append(complaint)


def load(name: str):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def fields(row: dict, names: str, where: str) -> None:
    """Exactly these fields: the programs that read the files refuse unknown ones."""
    expect(set(row) == set(names.split()), f"{where}: has the fields {sorted(row)}")


def once(values: list[str], what: str) -> None:
    for value, count in Counter(values).items():
        expect(count == 1, f"{what} {value}: given {count} times")


def positive(value: object) -> bool:
    return type(value) is int and value > 0


def ean13(code: str) -> bool:
    if not re.fullmatch(r"\d{13}", code):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0


def check_categories(categories: list[dict]) -> set[str]:
    once([c["slug"] for c in categories], "category")
    seen: set[str] = set()
    for category in categories:
        where = f"category {category['slug']}"
        declares = " attributes" if "attributes" in category else ""
        fields(category, f"slug name parent description{declares}", where)
        once([one["code"] for one in category.get("attributes", ())], f"{where}: attribute")
        expect(SLUG.fullmatch(category["slug"]), f"{where}: not a slug")
        expect(category["name"] and category["description"], f"{where}: has an empty text")
        expect(
            category["parent"] is None or category["parent"] in seen,
            f"{where}: parent {category['parent']} does not come before it",
        )
        seen.add(category["slug"])
    leaves = seen - {c["parent"] for c in categories}
    expect(len(leaves) == 30, f"categories: {len(leaves)} leaves, expected 30")
    return leaves


def is_iban(text: str) -> bool:
    """Whether its check digits are right (ISO 13616: mod 97 of it all, the first four characters moved to the end)."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def check_vendors(vendors: list[dict]) -> None:
    once([v["slug"] for v in vendors], "vendor")
    once([m["email"] for v in vendors for m in v["members"]], "vendor member")
    expect(len(vendors) == 12, f"vendors: {len(vendors)}, expected 12")
    for vendor in vendors:
        where = f"vendor {vendor['slug']}"
        terms = " rates fee_tax_bps" if "rates" in vendor else ""
        paid = " payout" if "payout" in vendor else ""
        fields(vendor, f"slug name legal_name country description email members iban{terms}{paid}", where)
        expect(is_iban(vendor["iban"]), f"{where}: bad IBAN {vendor['iban']}")
        expect(positive(vendor.get("payout", 1)), f"{where}: bad payout")
        for rate in vendor.get("rates", ()):
            expect(set(rate) <= {"bps", "category", "fixed"}, f"{where}: a rate has the fields {sorted(rate)}")
            expect(0 <= rate["bps"] <= 10_000 and rate.get("fixed", 0) >= 0, f"{where}: bad rate {rate}")
        expect(re.fullmatch(r"[A-Z]{2}", vendor["country"]), f"{where}: bad country")
        expect(EMAIL.fullmatch(vendor["email"]), f"{where}: bad e-mail {vendor['email']}")
        expect(any(m["role"] == "owner" for m in vendor["members"]), f"{where}: has no owner")
        for member in vendor["members"]:
            fields(member, "email name role", f"{where}, member {member['email']}")
            expect(EMAIL.fullmatch(member["email"]), f"{where}: bad e-mail {member['email']}")
            expect(
                member["role"] in {"owner", "catalog", "fulfilment", "finance"}, f"{where}: bad role {member['role']}"
            )


def check_variant(variant: dict, options: dict[str, list[str]], locations: set[str]) -> None:
    where = f"variant {variant['sku']}"
    fields(variant, "sku title options price weight_grams barcode stock", where)
    expect(SKU.fullmatch(variant["sku"]), f"{where}: not a SKU")
    expect(variant["title"], f"{where}: has no title")
    expect(positive(variant["price"]), f"{where}: price {variant['price']} is not a positive integer")
    expect(positive(variant["weight_grams"]), f"{where}: bad weight {variant['weight_grams']}")
    expect(ean13(variant["barcode"]), f"{where}: barcode {variant['barcode']} has a wrong check digit")
    expect(list(variant["options"]) == list(options), f"{where}: options {list(variant['options'])}")
    for name, value in variant["options"].items():
        expect(value in options.get(name, []), f"{where}: {name} has no value {value}")
    expect(variant["stock"], f"{where}: stock names no location")
    for location, quantity in variant["stock"].items():
        expect(location in locations, f"{where}: unknown location {location}")
        expect(type(quantity) is int and 0 <= quantity <= 400, f"{where}: stock {quantity}")
    expect(sum(variant["stock"].values()) <= 400, f"{where}: more than 400 in stock")


def check_picture(picture: dict, where: str) -> None:
    fields(picture, "path alt", where)
    path = HERE / picture["path"]
    expect(picture["alt"], f"{where}: picture {picture['path']} has no alternative text")
    if not path.is_file():
        faults.append(f"{where}: picture {picture['path']} is missing")
        return
    size = path.stat().st_size
    expect(size < PICTURE_LIMIT, f"{where}: picture {picture['path']} has {size} bytes")
    try:
        ElementTree.parse(path)  # noqa: S314
    except ElementTree.ParseError as error:
        faults.append(f"{where}: picture {picture['path']} is not XML: {error}")


def check_products(products: list[dict], vendors: set[str], leaves: set[str], locations: set[str]) -> None:
    once([p["slug"] for p in products], "product")
    once([p["title"] for p in products], "product title")
    once([v["sku"] for p in products for v in p["variants"]], "SKU")
    once([v["barcode"] for p in products for v in p["variants"]], "barcode")
    once([s for p in products for s in sentences(p["description"])], "sentence")
    expect(len(products) == 300, f"products: {len(products)}, expected 300")
    for product in products:
        where = f"product {product['slug']}"
        fields(
            product,
            "slug title description vendor category brand attributes options variants pictures",
            where,
        )
        expect(SLUG.fullmatch(product["slug"]), f"{where}: not a slug")
        expect(product["vendor"] in vendors, f"{where}: unknown vendor {product['vendor']}")
        expect(product["category"] in leaves, f"{where}: {product['category']} is no leaf category")
        told = len(sentences(product["description"]))
        expect(2 <= told <= 4, f"{where}: description has {told} sentences")
        check_options(product, locations, where)
        expect(product["pictures"], f"{where}: has no picture")
        for picture in product["pictures"]:
            check_picture(picture, where)
    for leaf in leaves:
        expect(any(p["category"] == leaf for p in products), f"category {leaf}: is empty")
    wanted = {picture["path"] for p in products for picture in p["pictures"]}
    for path in sorted(HERE.glob("pictures/*")):
        expect(f"pictures/{path.name}" in wanted, f"picture {path.name}: no product shows it")


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.?!]) +(?=[A-Z])", text) if part]


def check_options(product: dict, locations: set[str], where: str) -> None:
    options = {option["name"]: option["values"] for option in product["options"]}
    for option in product["options"]:
        fields(option, "name values", where)
        once(option["values"], f"{where}: {option['name']}")
    variants = product["variants"]
    expect(variants, f"{where}: has no variants")
    once([json.dumps(v["options"]) for v in variants], f"{where}: variant")
    for variant in variants:
        check_variant(variant, options, locations)
    for name, values in options.items():
        used = {v["options"].get(name) for v in variants}
        expect(used == set(values), f"{where}: {name} has a value that no variant uses")


def check_customers(customers: list[dict]) -> None:
    once([c["email"] for c in customers], "customer")
    expect(len(customers) == 20, f"customers: {len(customers)}, expected 20")
    for customer in customers:
        where = f"customer {customer['email']}"
        fields(customer, "email name password addresses", where)
        expect(EMAIL.fullmatch(customer["email"]), f"{where}: bad e-mail")
        expect(customer["password"].startswith("demo-"), f"{where}: password is not a demo one")
        expect(customer["addresses"], f"{where}: has no address")
        for address in customer["addresses"]:
            fields(address, "name line1 line2 city postal_code region country phone", where)
            expect(re.fullmatch(r"[A-Z]{2}", address["country"]), f"{where}: bad country")
            for name in ("name", "line1", "city", "postal_code", "phone"):
                expect(address[name], f"{where}: address has no {name}")


def check_promotions(promotions: list[dict], vendors: set[str], categories: set[str]) -> set[str]:
    """Return their codes."""
    for promotion in promotions:
        where = f"promotion {promotion['rules']['title']}"
        fields(promotion, "vendor codes rules", where)
        expect(promotion["vendor"] is None or promotion["vendor"] in vendors, f"{where}: unknown vendor")
        for slug in promotion["rules"].get("goods", {}).get("categories", []):
            expect(slug in categories, f"{where}: unknown category {slug}")
        usable = promotion["rules"].get("automatic") or promotion["codes"]
        expect(usable, f"{where}: is neither automatic nor has a code")
    once([promotion["rules"]["title"] for promotion in promotions], "promotion")
    codes = [code for promotion in promotions for code in promotion["codes"]]
    once(codes, "code")
    return set(codes)


def check_orders(orders: list[dict], customers: set[str], products: list[dict], codes: set[str]) -> None:
    stock = {v["sku"]: max(v["stock"].values()) for p in products for v in p["variants"]}
    vendor = {v["sku"]: p["vendor"] for p in products for v in p["variants"]}
    demand: Counter[str] = Counter()
    for number, order in enumerate(orders, start=1):
        where = f"order {number}"
        fields(
            {"promotion_codes": []} | order, "customer lines shipping_method promotion_codes payment_method then", where
        )
        for code in order.get("promotion_codes", []):
            expect(code in codes, f"{where}: unknown promotion code {code}")
        expect(order["customer"] in customers, f"{where}: unknown customer {order['customer']}")
        expect(order["shipping_method"] in SHIPPING, f"{where}: bad shipping method")
        expect(order["payment_method"] in PAYMENT, f"{where}: bad payment method")
        expect(order["then"] in THEN, f"{where}: unknown then {order['then']}")
        expect(
            order["payment_method"] in CHARGED or order["then"] == "none",
            f"{where}: cannot {order['then']} what is not paid",
        )
        once([line["sku"] for line in order["lines"]], f"{where}: SKU")
        for line in order["lines"]:
            expect(line["sku"] in stock, f"{where}: unknown SKU {line['sku']}")
            expect(positive(line["quantity"]), f"{where}: quantity {line['quantity']}")
            demand[line["sku"]] += line["quantity"]
        sellers = {vendor.get(line["sku"]) for line in order["lines"]}
        expect(order["then"] != "ship_partly" or len(sellers) > 1, f"{where}: only one parcel to ship")
    for sku, quantity in demand.items():
        expect(quantity <= stock.get(sku, 0), f"orders: want {quantity} of {sku}, too few in stock")


def check_reviews(reviews: list[dict], orders: list[dict], customers: set[str]) -> None:
    delivered = {(o["customer"], line["sku"]) for o in orders if o["then"] in DELIVERED for line in o["lines"]}
    once([f"{row['customer']} {row['sku']}" for row in reviews], "review")
    for number, row in enumerate(reviews, start=1):
        where = f"review {number}"
        fields(row, "customer sku stars title text author helpful_to reply", where)
        expect((row["customer"], row["sku"]) in delivered, f"{where}: nothing of it was delivered")
        expect(row["stars"] in range(1, 6), f"{where}: {row['stars']} stars")
        expect(row["title"] and row["author"], f"{where}: title or author is empty")
        once(row["helpful_to"], f"{where}: reader")
        expect(set(row["helpful_to"]) <= customers - {row["customer"]}, f"{where}: bad readers")


def check_wordlists(wordlists: dict, leaves: set[str]) -> int:
    """How many distinct titles the lists can make."""
    expect(set(wordlists["categories"]) == leaves, "wordlists: not the leaf categories")
    total = 0
    for slug, words in wordlists["categories"].items():
        where = f"wordlists {slug}"
        fields(
            words,
            "title brands series adjectives materials nouns options attributes features price weight_grams",
            where,
        )
        titles = 1
        for name, key in wordlists["placeholders"].items():
            expect(words[key], f"{where}: {key} is empty")
            once(words[key], f"{where}: {key}")
            if "{" + name + "}" in words["title"]:
                titles *= len(words[key])
        for name in re.findall(r"\{(\w+)\}", words["title"]):
            expect(name in wordlists["placeholders"], f"{where}: title has unknown {name}")
        for key in ("price", "weight_grams"):
            low, high = words[key]["min"], words[key]["max"]
            expect(positive(low) and positive(high) and low < high, f"{where}: bad {key} range")
        for option in words["options"]:
            fields(option, "name values", where)
            once(option["values"], f"{where}: {option['name']}")
        for name, values in words["attributes"].items():
            expect(values, f"{where}: attribute {name} has no values")
        once(words["features"], f"{where}: feature")
        expect(len(words["features"]) >= 8, f"{where}: too few features")
        expect(titles >= TITLES_WANTED / len(leaves), f"{where}: only {titles} titles")
        total += titles
    return total


def main() -> int:
    categories, vendors, products = load("categories.json"), load("vendors.json"), load("products.json")
    customers, locations, orders = load("customers.json"), load("locations.json"), load("orders.json")
    leaves = check_categories(categories)
    check_vendors(vendors)
    once([row["code"] for row in locations], "location")
    for row in locations:
        fields(row, "code name country", f"location {row['code']}")
    check_products(products, {v["slug"] for v in vendors}, leaves, {row["code"] for row in locations})
    check_customers(customers)
    promotions = load("promotions.json")
    codes = check_promotions(promotions, {v["slug"] for v in vendors}, {c["slug"] for c in categories})
    check_orders(orders, {c["email"] for c in customers}, products, codes)
    reviews = load("reviews.json")
    check_reviews(reviews, orders, {c["email"] for c in customers})
    titles = check_wordlists(load("wordlists.json"), leaves)
    if faults:
        print("\n".join(faults))
        print(f"{len(faults)} faults")
        return 1
    variants = [v for p in products for v in p["variants"]]
    print(
        f"{len(categories)} categories ({len(leaves)} leaves), {len(vendors)} vendors, "
        f"{len(products)} products, {len(variants)} variants, {len(customers)} customers, "
        f"{len(locations)} locations, {len(promotions)} promotions, {len(orders)} orders, {len(reviews)} reviews, "
        f"{titles:,} generated titles possible"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
