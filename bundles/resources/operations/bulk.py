"""Operations with several rows: `Patch`, `BulkCreate` and `BulkRemove`."""

from collections.abc import Iterator
from types import GenericAlias
from typing import Annotated, Any

import attrs
from msgspec import Meta

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.inputs import (
    KEYS,
    Parameters,
    body_parameter,
    keys_parameter,
    problems_of_input,
)
from bundles.resources.operations.operation import Operation
from rxkernel import Response, Transport

COUNT = "X-Count"
"""The response header with the number of rows that were changed or removed."""

_CONFLICT = """
Raises:
    ConflictException: it breaks a rule of other rows, or was changed at the same time
"""

_COUNTED = f"""
Response headers:
    {COUNT}: the number of rows that were found
"""


@attrs.frozen
class Patch(Operation):
    """Changes several rows: ``PATCH /tasks?ids=1&ids=2``, event ``task_patch``; 204.

    Rows that do not exist, or that the client may not see, are skipped; the header ``X-Count`` has
    the number of rows that were found. Without ``ids`` the response is 422.

    Args:
        input: the class of the body, see `Update`.
        limit: the maximum number of ``ids``.
    """

    name = "patch"
    method = "PATCH"
    status_code = 204
    pushes = ("changed",)

    input: Any
    limit: int = attrs.field(default=100, kw_only=True)

    def problems(self, facts: Facts) -> Iterator[str]:
        yield from _problems_of_limit(self.limit)
        yield from problems_of_input(facts, self.input, "change")

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return {**keys_parameter(facts, self.limit), **body_parameter(self.input)}

    async def before(self, call: Call) -> Any:
        return await call.rows()

    async def execute(self, call: Call, data: Any) -> Any:
        for row in data:
            call.resource.change(row, call.input, call.request)
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        return Response(None, status_code, {COUNT: str(len(data))})

    def text(self, facts: Facts) -> str:
        return f"""Change the {facts.entity.__name__} rows with these keys; others are skipped.
{KEYS}{_CONFLICT}{_COUNTED}"""


@attrs.frozen
class BulkCreate(Operation):
    """Creates several rows: ``POST /tasks/bulk``, event ``task_bulk_create``; 201 with their
    views.

    Args:
        input: the class of the items of the body, which is a list; see `Create`.
        limit: the maximum number of items.
    """

    name = "bulk_create"
    method = "POST"
    default_path = "/bulk"
    status_code = 201
    pushes = ("created",)

    input: Any
    limit: int = attrs.field(default=100, kw_only=True)

    def problems(self, facts: Facts) -> Iterator[str]:
        yield from _problems_of_limit(self.limit)
        yield from problems_of_input(facts, self.input, "build")

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        items = GenericAlias(list, (self.input,))
        return body_parameter(Annotated[items, Meta(min_length=1, max_length=self.limit)])

    def returns(self, facts: Facts) -> Any:
        return GenericAlias(list, (facts.view.cls,))

    async def before(self, call: Call) -> Any:
        return [call.resource.build(each, call.request) for each in call.input]

    async def execute(self, call: Call, data: Any) -> Any:
        for row in data:
            call.add(row)
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        return Response(data, status_code)

    def text(self, facts: Facts) -> str:
        return f"""Create several {facts.entity.__name__} rows, or none.
{_CONFLICT}"""


@attrs.frozen(kw_only=True)
class BulkRemove(Operation):
    """Deletes several rows: ``DELETE /tasks?ids=1&ids=2``, event ``task_bulk_remove``; 204.

    As with `Patch`, rows that are not found are skipped, ``X-Count`` has the number of rows that
    were found, and without ``ids`` the response is 422.

    Args:
        limit: the maximum number of ``ids``.
    """

    name = "bulk_remove"
    method = "DELETE"
    status_code = 204
    pushes = ("removed",)

    limit: int = 100

    def problems(self, facts: Facts) -> Iterator[str]:
        return _problems_of_limit(self.limit)

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return keys_parameter(facts, self.limit)

    async def before(self, call: Call) -> Any:
        return await call.rows()

    async def execute(self, call: Call, data: Any) -> Any:
        for row in data:
            await call.delete(row)
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        return Response(None, status_code, {COUNT: str(len(data))})

    def text(self, facts: Facts) -> str:
        return f"""Delete the {facts.entity.__name__} rows with these keys; others are skipped.
{KEYS}{_CONFLICT}{_COUNTED}"""


def _problems_of_limit(limit: object) -> Iterator[str]:
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        yield f"its limit is {limit!r}; it must be a whole number, 1 or more"
