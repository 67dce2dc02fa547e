"""`List`: a page of the rows, with the filters of the client."""

from collections.abc import Callable, Iterator
from types import GenericAlias
from typing import Annotated, Any

import attrs
from injector import inject

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


@attrs.frozen(eq=False)
class FiltersMarker(Marker):
    """The marker of the parameter with the `FilterQuery` of a client."""

    filters: BoundFilters


@attrs.frozen(kw_only=True)
class List(Operation):
    """The rows that the client may see: ``GET /tasks``, event ``task_list``; 200 with an array.

    The client filters, sorts and pages them by the ``filters`` of the resource. The response has
    the headers ``X-Total``, ``X-Limit``, ``X-Skip`` and, unless it is the last page,
    ``X-Next-Cursor``; over HTTP also ``Link`` with the URL of the next page (RFC 8288).

    Args:
        page: the number of rows if the client asks for no number.
        limit: the largest number that it gets.
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
        return {"query": (Annotated[FilterQuery, FiltersMarker(self._bound(facts))], REQUIRED)}

    def returns(self, facts: Facts) -> Any:
        return GenericAlias(list, (facts.view.cls,))

    async def execute(self, call: Call, data: Any) -> Any:
        query: FilterQuery = call.arguments["query"]
        rows = (await call.session.execute(query.apply(call.select()))).all()
        items, call.cursor = query.page(rows)
        is_last = call.cursor is None and query.position is None
        if is_last and (items or not query.skip):  # else there may be fewer rows than skip
            call.total = query.skip + len(items)
        return items

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        query: FilterQuery = call.arguments["query"]
        response = Response(call.output.views(data), status_code)
        headers = response.headers
        if self.total:
            headers["X-Total"] = str(await self._total(call, query))
        headers["X-Limit"], headers["X-Skip"] = str(query.limit), str(query.skip)
        if call.cursor is not None:
            headers["X-Next-Cursor"] = call.cursor
            if call.request.transport is Transport.HTTP:
                headers["Link"] = f'<{_next_page(call.request, call.cursor)}>; rel="next"'
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
    Link: the URL of the next page
"""


def _next_page(request: Request, cursor: str) -> str:
    """Return the path of the same list from *cursor* on."""
    params: dict[str, list[Any]] = {}
    for name, value in request.params.items():
        if name.strip("$") not in ("skip", "cursor"):
            params.setdefault(name, []).append(value)
    single = {name: found[0] if len(found) == 1 else found for name, found in params.items()}
    return request.path_for(request.definition.name, **single, cursor=cursor)


class FiltersResolver:
    """Reads the query of a client. A query parameter with its credential is not a filter."""

    @inject
    def __init__(self, settings: Settings) -> None:
        credential = getattr(settings.bundles.get("security"), "query_parameter", "")
        self._ignored = frozenset([credential] if credential else [])

    def bind(
        self, marker: FiltersMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], FilterQuery]:
        filters = marker.filters
        parse = attrs.evolve(filters, ignored=filters.ignored | self._ignored).parse
        return lambda request: parse(request.params)

    def describe(self, marker: FiltersMarker, parameter: Parameter) -> Any:
        return marker.filters.describe()
