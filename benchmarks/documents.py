"""The documents of the bundle apidocs for many definitions, created once, when requested."""

from time import perf_counter
from typing import Any

import attrs

from benchmarks.report import Table
from bundles.apidocs import ApidocsBundle, Documents
from bundles.apidocs.documents import encoded
from rxkernel import Application, both

_PER_CONTROLLER = 10
"""Five routes, and an event for each."""


@attrs.frozen
class _Owner:
    id: int
    name: str


def _controller(number: int) -> type[Any]:
    """A controller with classes of its own."""

    @attrs.frozen
    class Item:
        id: int
        name: str
        owner: _Owner | None = None
        labels: list[str] = attrs.field(factory=list)

    @attrs.frozen
    class NewItem:
        name: str
        labels: list[str] = attrs.field(factory=list)

    Item.__qualname__, NewItem.__qualname__ = f"Item{number}", f"NewItem{number}"
    path = f"/items{number}"

    class Items:
        @both("GET", path, f"list{number}")
        async def find(self, limit: int = 10, text: str | None = None) -> list[Item]:
            """List the items.

            Args:
                limit: how many.
            """
            return []

        @both("POST", path, f"add{number}", status_code=201)
        async def add(self, item: NewItem) -> Item:
            """Add an item."""
            return Item(1, item.name)

        @both("GET", f"{path}/{{id:int}}", f"show{number}")
        async def show(self, id: int) -> Item:
            """Return one item.

            Raises:
                NotFoundException: the item does not exist.
            """
            return Item(id, "")

        @both("PUT", f"{path}/{{id:int}}", f"change{number}")
        async def change(self, id: int, item: NewItem) -> Item:
            return Item(id, item.name)

        @both("DELETE", f"{path}/{{id:int}}", f"remove{number}", status_code=204)
        async def remove(self, id: int) -> None: ...

    return Items


async def documents(definitions: int = 1000) -> Table:
    """Measure both documents of an application with *definitions*."""
    table = Table(
        "Documents",
        {"definitions": ",", "describe ms": ".0f", "encode ms": ".1f", "KiB": ",.0f"},
        "Both documents of the bundle apidocs: first read, and encoded. A request costs nothing.",
    )
    controllers = [_controller(number) for number in range(definitions // _PER_CONTROLLER)]
    async with Application(bundles=[ApidocsBundle()], controllers=controllers) as application:
        found = application.injector.get(Documents)
        begin = perf_counter()
        made = found.openapi, found.asyncapi
        described = perf_counter()
        size = sum(len(encoded(document)) for document in made)
        done = perf_counter()
    count = len(controllers) * _PER_CONTROLLER
    table.add(count, (described - begin) * 1e3, (done - described) * 1e3, size / 1024)
    return table
