"""`List`: a page of the rows."""

from collections.abc import Iterator
from types import GenericAlias
from typing import Annotated, Any

import attrs
from msgspec import Meta
from sqlalchemy import func, select

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.inputs import Parameters
from bundles.resources.operations.operation import Operation
from rxkernel import Response, Transport


@attrs.frozen(kw_only=True)
class List(Operation):
    """The rows that the client may see: ``GET /tasks``, event ``task_list``; 200 with an array.

    The headers ``X-Total``, ``X-Limit`` and ``X-Skip`` describe the page.

    Args:
        page: the number of rows if the client asks for no number.
        limit: the largest number that it may ask for.
    """

    name = "list"
    method = "GET"

    page: int = 50
    limit: int = 200

    def problems(self, facts: Facts) -> Iterator[str]:
        if not 1 <= self.page <= self.limit:
            yield f"page is {self.page} and limit {self.limit}; both are from 1, page up to limit"

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return {
            "limit": (Annotated[int, Meta(ge=1, le=self.limit)], self.page),
            "skip": (Annotated[int, Meta(ge=0, le=2**31)], 0),
        }

    def returns(self, facts: Facts) -> Any:
        return GenericAlias(list, (facts.view.cls,))

    async def execute(self, call: Call, data: Any) -> Any:
        limit, skip = call.arguments["limit"], call.arguments["skip"]
        statement = call.select().order_by(call.facts.key).limit(limit).offset(skip)
        return [*await call.session.scalars(statement)]

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        total = select(func.count()).select_from(call.select().subquery())
        headers = {
            "X-Total": str(await call.session.scalar(total)),
            "X-Limit": str(call.arguments["limit"]),
            "X-Skip": str(call.arguments["skip"]),
        }
        return Response(call.output.views(data), status_code, headers)
