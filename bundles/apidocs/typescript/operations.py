"""The functions of the client: for an operation of HTTP, of Socket.IO, or of both."""

from collections.abc import Iterable, Iterator

import attrs

from bundles.apidocs.typescript.components import Components
from bundles.apidocs.typescript.described_operation import (
    DescribedOperation,
    Field,
    HttpRoute,
    Returns,
    SocketRoute,
)
from bundles.apidocs.typescript.identifiers import UniqueNames, function_name, type_name
from bundles.apidocs.typescript.schema_types import SchemaTypes, union_of


@attrs.frozen
class Operation:
    """A function of the client. ``sides``: the one or two operations that it can call."""

    name: str
    input_name: str
    sides: tuple[DescribedOperation, ...]
    types: tuple[Components, ...]
    """The types of each side."""

    @property
    def main(self) -> DescribedOperation:
        """The side that describes the input."""
        return self.sides[0]

    @property
    def inputs(self) -> SchemaTypes:
        return self.types[0].inputs

    @property
    def params(self) -> tuple[Field, ...]:
        """The parameters of HTTP, and further ones of the namespace of the event."""
        params = {field.name: field for side in self.sides for field in side.params}
        return tuple({**params, **{field.name: field for field in self.main.params}}.values())

    @property
    def http(self) -> HttpRoute | None:
        return next((s.route for s in self.sides if isinstance(s.route, HttpRoute)), None)

    @property
    def socket(self) -> SocketRoute | None:
        return next((s.route for s in self.sides if isinstance(s.route, SocketRoute)), None)

    @property
    def has_input(self) -> bool:
        return bool(self.params or self.main.headers or self.main.body)

    @property
    def is_input_required(self) -> bool:
        body = self.main.body
        fields = (*self.params, *self.main.headers, *([body] if body else []))
        return any(field.is_required for field in fields)

    @property
    def returns(self) -> Returns:
        is_nothing = any(side.returns == "nothing" for side in self.sides)
        return "nothing" if is_nothing else self.main.returns

    @property
    def result(self) -> str:
        """The type of the value that the function returns."""
        fixed = {"nothing": "void", "response": "Response"}
        if self.returns in fixed:
            return fixed[self.returns]
        return union_of(
            [
                "undefined" if schema is None else types.outputs.text(schema, "  ")
                for side, types in zip(self.sides, self.types, strict=True)
                if side.returns != "nothing"
                for schema in side.results
            ]
        )

    @property
    def codes(self) -> list[str | int]:
        return sorted({code for side in self.sides for code in side.codes}, key=str)


def linked_operations(
    http: Iterable[DescribedOperation],
    socket: Iterable[DescribedOperation],
    types: tuple[Components, Components],
    members: UniqueNames,
    names: UniqueNames,
) -> list[Operation]:
    """Give each operation a name, and join operations with the same name and the same input."""
    found = []
    for sides in _linked(http, socket, types):
        name = members.add(function_name(sides[0].name))
        input_name = names.add(f"{type_name(name)}Input")
        of = tuple(types[isinstance(side.route, SocketRoute)] for side in sides)
        found.append(Operation(name, input_name, sides, of))
    return found


def _linked(
    http: Iterable[DescribedOperation],
    socket: Iterable[DescribedOperation],
    types: tuple[Components, Components],
) -> Iterator[tuple[DescribedOperation, ...]]:
    events = sorted(socket, key=lambda each: each.name)
    for request in sorted(http, key=lambda each: each.name):
        event = next((each for each in events if _is_both(request, each, types)), None)
        if event is None:
            yield (request,)
        else:
            events.remove(event)
            yield request, event
    for event in events:
        yield (event,)


def _is_both(
    request: DescribedOperation, event: DescribedOperation, types: tuple[Components, Components]
) -> bool:
    """Whether both are the same action with the same input: two actions may share a name."""
    is_named = isinstance(event.route, SocketRoute) and event.route.event == request.name
    if not is_named or event.tag != request.tag:
        return False
    if request.returns == "response":
        return False  # an acknowledgement has no stream
    names = {field.name for field in request.params}
    if not names <= {field.name for field in event.params}:
        return False
    if request.body is None or event.body is None:
        is_any = event.body is not None and event.body.schema in (True, {})
        return request.body is event.body or is_any
    texts = {
        each.inputs.text(body.schema)
        for each, body in zip(types, (request.body, event.body), strict=True)
    }
    return len(texts) == 1
