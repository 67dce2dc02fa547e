"""Operations with one row: `Get`, `Create`, `Update` and `Remove`."""

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.inputs import (
    KEY,
    VERSION,
    Parameters,
    body_parameter,
    expected_in,
    key_parameter,
    problems_of_input,
    version_parameter,
)
from bundles.resources.operations.operation import Operation
from rxkernel import PreconditionRequiredException, Response, Transport


@attrs.frozen(kw_only=True)
class Get(Operation):
    """Gets one row: ``GET /tasks/{id}``, event ``task_get``; 200 with its view and ``ETag``, or
    404.

    Over HTTP, the response to a request with a current ``If-None-Match`` is 304.
    """

    name = "get"
    method = "GET"
    default_path = "/{id}"

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return key_parameter(facts)

    def returns(self, facts: Facts) -> Any:
        return facts.view.cls

    async def before(self, call: Call) -> Any:
        return await call.row()

    async def execute(self, call: Call, data: Any) -> Any:
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        return call.with_tag(Response(data, status_code), data)

    def text(self, facts: Facts) -> str:
        return f"""Get one {facts.entity.__name__}.
{KEY}
Raises:
    NotFoundException: it does not exist, or you may not see it

Response headers:
    ETag: the version of the row
"""


@attrs.frozen
class Create(Operation):
    """Creates a row: ``POST /tasks``, event ``task_create``; 201 with its view.

    The response has the ``ETag`` of the row and, over HTTP, its ``Location`` if the resource has
    `Get`.

    Args:
        input: the class of the body; its fields are set on the row, see `RowRules.build`.
    """

    name = "create"
    method = "POST"
    status_code = 201
    pushes = ("created",)

    input: Any

    def problems(self, facts: Facts) -> Iterator[str]:
        return problems_of_input(facts, self.input, "build")

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return body_parameter(self.input)

    def returns(self, facts: Facts) -> Any:
        return facts.view.cls

    async def before(self, call: Call) -> Any:
        return call.resource.build(call.input, call.request)

    async def execute(self, call: Call, data: Any) -> Any:
        call.add(data)
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        response = call.with_tag(Response(data, status_code), data)
        location, request = call.facts.location, call.request
        if location is not None and request.transport is Transport.HTTP:
            key = getattr(data, call.facts.key.key)
            others = {name: request.params[name] for name in call.facts.path_parameters}
            response.headers["Location"] = request.path_for(location, **others, id=key)
        return response

    def text(self, facts: Facts) -> str:
        location = "    Location: the path of the row\n" if facts.location else ""
        return f"""Create one {facts.entity.__name__}.

Raises:
    ConflictException: it breaks a rule of other rows, such as a unique name

Response headers:
    ETag: the version of the row
{location}"""


@attrs.frozen
class Update(Operation):
    """Changes one row: ``PUT /tasks/{id}``, event ``task_update``; 204 with its new ``ETag``.

    If a client sends ``If-Match``, or over a socket the parameter ``version``, and the row has
    another version, the response is 412. This is also true if two clients change it at the same
    time.

    Args:
        input: the class of the body, see `RowRules.change`. Fields that are `msgspec.UNSET` are
            not changed.
        method: the HTTP method; use ``PATCH`` if fields of *input* may be missing.
        require_match: whether the response to a client without ``If-Match`` is 428.
    """

    name = "update"
    default_path = "/{id}"
    status_code = 204
    pushes = ("changed",)

    input: Any
    method: Literal["PUT", "PATCH"] = attrs.field(default="PUT", kw_only=True)
    require_match: bool = attrs.field(default=False, kw_only=True)

    def problems(self, facts: Facts) -> Iterator[str]:
        if self.method not in ("PUT", "PATCH"):
            yield f"its method is {self.method!r}; it must be 'PUT' or 'PATCH'"
        yield from problems_of_input(facts, self.input, "change")

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return {
            **key_parameter(facts),
            **body_parameter(self.input),
            **version_parameter(transport),
        }

    async def before(self, call: Call) -> Any:
        _expect_version(call, self.require_match)
        return await call.row(changes=True)

    async def execute(self, call: Call, data: Any) -> Any:
        call.resource.change(data, call.input, call.request)
        return data

    async def respond(self, call: Call, data: Any, status_code: int) -> Response:
        return call.with_tag(Response(None, status_code), data)

    def text(self, facts: Facts) -> str:
        return f"""Change one {facts.entity.__name__}.
{KEY}{VERSION}{_errors_of_change(self.require_match)}
Response headers:
    ETag: the new version of the row
"""


@attrs.frozen(kw_only=True)
class Remove(Operation):
    """Deletes one row: ``DELETE /tasks/{id}``, event ``task_remove``; 204.

    Args:
        require_match: see `Update`.
    """

    name = "remove"
    method = "DELETE"
    default_path = "/{id}"
    status_code = 204
    pushes = ("removed",)

    require_match: bool = False

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        return {**key_parameter(facts), **version_parameter(transport)}

    async def before(self, call: Call) -> Any:
        _expect_version(call, self.require_match)
        return await call.row(removes=True)

    async def execute(self, call: Call, data: Any) -> Any:
        await call.delete(data)
        return data

    def text(self, facts: Facts) -> str:
        return f"""Delete one {facts.entity.__name__}.
{KEY}{VERSION}{_errors_of_change(self.require_match)}"""


def _errors_of_change(require_match: bool) -> str:
    required = (
        "    PreconditionRequiredException: the version is missing\n" if require_match else ""
    )
    return f"""
Raises:
    NotFoundException: it does not exist, or you may not see it
    PreconditionFailedException: it has another version than the one that was sent
{required}    ConflictException: it breaks a rule of other rows, or was changed at the same time
"""


def _expect_version(call: Call, require_match: bool) -> None:
    call.expected = expected_in(call.arguments)
    if require_match and not call.expected:
        what = "If-Match" if call.request.transport is Transport.HTTP else "the parameter version"
        raise PreconditionRequiredException(
            f"send {what} with the version that you have read", code="version_required"
        )
