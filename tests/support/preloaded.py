"""The last that the warm process imports: what libraries import late, and the end of looking for garbage among it."""

import gc

from litestar import Litestar, get


@get("/")
async def nothing() -> None:
    """An application imports what it is made with when the first is made."""


Litestar([nothing], openapi_config=None, logging_config=None)
gc.collect()
gc.freeze()
