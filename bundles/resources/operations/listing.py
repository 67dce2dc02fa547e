"""`List`: a page of the rows, with the filters of the client."""

from collections.abc import Callable, Iterator
from types import GenericAlias
from typing import Annotated, Any

import attrs
from injector import inject

from bundles.resources.entities.page_links import page_link, sent_query
from bundles.resources.filters import BoundFilters, FilterQuery
from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts, parameters_of
from bundles.resources.operations.inputs import REQUIRED, Parameters
from bundles.resources.operations.operation import Operation
from rxkernel import (
    ConfigurationError,
    Definition,
    Marker,
    Parameter,
    Request,
    Response,
    Settings,
    Transport,
)

_PLACES = ("cursor", "skip", "$cursor", "$skip")
"""The parameters that select a page. The name without ``$`` may be a filter instead."""


@attrs.frozen(eq=False)
class FiltersMarker(Marker):
    """The marker of the parameter with the `Filtered` query of a client."""

    filters: BoundFilters


@attrs.frozen(eq=False)
class Filtered:
    """The query of a client, and the filters that it may use."""

    filters: BoundFilters
    query: FilterQuery


@attrs.frozen(kw_only=True)
class List(Operation):
    """Lists the rows that the client may see: ``GET /tasks``, event ``task_list``; 200 with an
    array.

    The client filters, sorts and pages them by the ``filters`` of the resource. The response has
    the headers ``X-Total``, ``X-Limit``, ``X-Skip`` and, unless it is the last page,
    ``X-Next-Cursor``. Over HTTP it also has ``Link`` with the URLs of the next and the previous
    page (RFC 8288).

    Args:
        page: the number of rows of a page, if the client sends none.
        limit: the maximum number of rows of a page.
        total: whether to count the rows of all pages, for ``X-Total``.
    """

    name = "list"
    method = "GET"

    page: int = 50
    limit: int = 200
    total: bool = True

    def problems(self, facts: Facts) -> Iterator[str]:
        try:
            self._bound(facts)
        except ConfigurationError as error:
            yield from error.problems

    def _bound(self, facts: Facts) -> BoundFilters:
        ignored = parameters_of(facts.path + self.path_below)
        return facts.filters.bind(facts.entity, page=self.page, limit=self.limit, ignored=ignored)

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        marker = FiltersMarker(self._bound(facts))
        return {"filtered": (Annotated[Filtered, marker], REQUIRED)}

    def returns(self, facts: Facts) -> Any:
        return GenericAlias(list, (facts.view.cls,))

    async def execute(self, call: Call, data: Any) -> Any:
        query = call.arguments["filtered"].query
        rows = (await call.session.execute(query.apply(call.select()))).unique().all()
        items, call.cursor = query.page(rows)
        is_last = call.cursor is None and query.position is None
        if is_last and (items or not query.skip):  # otherwise there may be fewer rows than skip
            call.total = query.skip + len(items)
        return items

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        filtered: Filtered = call.arguments["filtered"]
        query = filtered.query
        response = Response(data, status_code)
        headers = response.headers
        if self.total:
            headers["X-Total"] = str(await self._total(call, query))
        headers["X-Limit"], headers["X-Skip"] = str(query.limit), str(query.skip)
        if call.cursor is not None:
            headers["X-Next-Cursor"] = call.cursor
        if call.request.transport is Transport.HTTP and (links := [*_links(call, filtered)]):
            headers["Link"] = ", ".join(links)
        return response

    async def _total(self, call: Call, query: FilterQuery) -> int | None:
        if call.total is not None:
            return call.total
        return await call.session.scalar(query.count(call.select()))

    def text(self, facts: Facts) -> str:
        return f"""List {facts.entity.__name__} rows, filtered and sorted as the client asks.

Response headers:
    X-Total: the number of rows of all pages
    X-Limit: the largest number of rows of this page
    X-Skip: the number of rows before this page
    X-Next-Cursor: the cursor of the next page
    Link: the URLs of the next page and of the one before
"""


def _links(call: Call, filtered: Filtered) -> Iterator[str]:
    """Yield the links to the next and the previous page."""
    fields, query = filtered.filters.fields, filtered.query
    places = {name for name in _PLACES if name not in fields}
    kept = [(name, value) for name, value in sent_query(call.request) if name not in places]

    def link(name: str, value: object, relation: str) -> str:
        place = f"${name}" if name in fields else name
        return page_link([*kept, (place, str(value))], relation)

    if call.cursor is not None:
        yield link("cursor", call.cursor, "next")
    if query.skip:
        yield link("skip", max(0, query.skip - query.limit), "prev")


class FiltersResolver:
    """Reads the query of a client. A query parameter with a credential is not a filter."""

    @inject
    def __init__(self, settings: Settings) -> None:
        credential = getattr(settings.bundles.get("security"), "query_parameter", "")
        self._ignored = frozenset([credential] if credential else [])

    def bind(
        self, marker: FiltersMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Filtered]:
        filters = attrs.evolve(marker.filters, ignored=marker.filters.ignored | self._ignored)
        return lambda request: Filtered(filters, filters.parse(request))

    def describe(self, marker: FiltersMarker, parameter: Parameter) -> Any:
        return marker.filters.describe()
