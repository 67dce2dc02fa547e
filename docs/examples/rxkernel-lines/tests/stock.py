"""A module that an application publishes with ``lines.modules = ["stock"]``."""

from typing import Annotated

from rxkernel import NotFoundException
from rxkernel_lines import Caller, audited

PRICES = {"tea": 3}


async def price(name: str) -> int:
    if name not in PRICES:
        raise NotFoundException(f"no price for {name}")
    return PRICES[name]


@audited("stock")
async def order(name: str, who: Annotated[str, Caller()]) -> str:
    return f"{PRICES[name]} from {who}"


async def _hidden() -> None: ...
