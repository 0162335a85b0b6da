"""What single values look like in JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from estore.services.catalog.domain import MAX_OPTIONS

LINE = r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?\Z"
TEXT = r"^[^\x00]*\Z"
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Slug = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[a-z0-9-]+\Z", examples=["speckled-stoneware-mug"])]
IdOrSlug = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+\Z", examples=["mugs"])]
Sku = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+\Z", examples=["TON-MUG01-OAT"])]
Text = Annotated[str, Meta(max_length=20_000, pattern=TEXT, description="Plain text; lines end with \\n")]
Url = Annotated[
    str,
    Meta(min_length=1, max_length=2_000, pattern=TEXT, description="https address, or a path below /pictures/"),
]
Alt = Annotated[str, Meta(max_length=500, pattern=TEXT)]
OptionName = Annotated[str, Meta(min_length=1, max_length=50, pattern=LINE)]
OptionValue = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
Options = Annotated[
    dict[OptionName, OptionValue], Meta(max_length=MAX_OPTIONS, description="The same names on each variant")
]
AttributeName = Annotated[str, Meta(min_length=1, max_length=60, pattern=LINE)]
AttributeText = Annotated[str, Meta(max_length=500, pattern=TEXT)]
AttributeNumber = Annotated[int, Meta(ge=-(10**15), le=10**15)]
AttributeValue = AttributeText | AttributeNumber | float | bool
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    Meta(max_length=60, description="Kept as text: 320 becomes `320`. The category may say which, and how they read"),
]
Grams = Annotated[int, Meta(ge=0, le=10_000_000)]
Barcode = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z .-]+\Z")]
TaxClass = Literal["standard", "reduced", "zero"]
Status = Literal["draft", "published", "archived"]
