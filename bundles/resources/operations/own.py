"""`@operation`: a method of a resource that is an operation."""

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Annotated, Any, TypeVar, get_args, get_origin

import attrs

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.inputs import Parameters, key_parameter
from bundles.resources.operations.operation import Operation
from rxkernel import ConfigurationError, Marker, Request, Response, Transport

F = TypeVar("F", bound=Callable[..., Any])

_LABEL = "__rxkernel_operation__"


@attrs.frozen
class Row(Marker):
    """``task: Annotated[Task, Row()]``: the row with the ``{id}`` of the path, in an `operation`.

    If the row does not exist, or the client may not see it, the response is 404. Unless the
    operation is a ``GET`` or read-only, the row is locked until the commit, or its version column
    is compared.
    """


class RowResolver:
    """Rejects `Row` outside of an `operation`, where visible rows are not defined."""

    def bind(self, marker: Row, parameter: Any, definition: Any) -> Callable[[Request], Any]:
        raise ConfigurationError(
            "Row() is for methods of a resource with @operation(…); write Entity() elsewhere"
        )


@attrs.frozen
class OperationLabel:
    """The arguments of `operation`."""

    method: str
    path: str
    status_code: int
    transports: Collection[Transport]


def operation(
    method: str,
    path: str = "",
    *,
    status_code: int = 200,
    transports: Collection[Transport] = (Transport.HTTP, Transport.SOCKET),
) -> Callable[[F], F]:
    """Serve the decorated method of a `Resource` as an operation of the same name.

    *path* is below the path of the resource. The method has the parameters of any action; use
    `Row` for a row of the resource. It has hooks and events like other operations: ``data`` is the
    row before the execution, and the result of the method after it.
    """

    def label(function: F) -> F:
        setattr(function, _LABEL, OperationLabel(method, path, status_code, transports))
        return function

    return label


def own_operations(cls: type[Any]) -> Iterator["OwnOperation"]:
    """Yield the operations of the methods of *cls*. An overridden method keeps its label."""
    for name in dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base)):
        versions = (vars(base)[name] for base in cls.__mro__ if name in vars(base))
        labels = (getattr(version, _LABEL, None) for version in versions)
        label = next(filter(None, labels), None)
        function = getattr(cls, name, None)
        if label is not None and callable(function):
            yield OwnOperation(
                name=name,
                method=label.method,
                status_code=label.status_code,
                function=function,
                signature=_signature_of(function),
                path=label.path,
                transports=label.transports,
            )


@attrs.frozen(kw_only=True)
class OwnOperation(Operation):
    """The operation of a method of a resource."""

    name: str
    method: str
    status_code: int
    function: Callable[..., Any]
    signature: inspect.Signature | str
    """The signature of the method; or the error, if it cannot be read."""
    row: str | None = attrs.field(init=False)
    """The name of the parameter with the row, if there is one."""

    @row.default
    def _name_of_row(self) -> str | None:
        return next((each.name for each in self._parameters() if _is_row(each)), None)

    def problems(self, facts: Facts) -> Iterator[str]:
        if not inspect.iscoroutinefunction(self.function):
            yield f"it is not async; write async def {self.name}"
        if isinstance(self.signature, str):
            yield self.signature
            return
        found = self._parameters()
        rows = [each for each in found if _is_row(each)]
        if len(rows) > 1:
            yield f"it takes several rows: {', '.join(each.name for each in rows)}; take one"
        for each in rows:
            if get_args(each.annotation)[0] is not facts.entity:
                yield f"{each.name} is not Annotated[{facts.entity.__name__}, Row()]"
        if bool(rows) is not ("{id}" in self.path_below):
            yield (
                f"its path is {self.path_below!r}; it must have {{id}} if, and only if, the "
                f"method takes a Row()"
            )
        for each in found:
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                yield f"it takes {each}; name every parameter"
            elif each.name == "operation_run" or (rows and each.name == "id"):
                yield f"it takes {each.name!r}, which the bundle passes itself; rename it"

    def _parameters(self) -> list[inspect.Parameter]:
        """The parameters without self; empty if the signature cannot be read."""
        signature = self.signature
        return [] if isinstance(signature, str) else [*signature.parameters.values()][1:]

    def parameters(self, facts: Facts, transport: Transport) -> Parameters:
        key = key_parameter(facts) if self.row is not None else {}
        others = {
            each.name: (Request if _is_request(each) else each.annotation, each.default)
            for each in self._parameters()
            if not _is_row(each)
        }
        return {**key, **others}

    def returns(self, facts: Facts) -> Any:
        assert isinstance(self.signature, inspect.Signature), "it has no problems"
        found = self.signature.return_annotation
        return Any if found is inspect.Signature.empty else found

    async def before(self, call: Call) -> Any:
        return None if self.row is None else await call.row(changes=self.method != "GET")

    async def execute(self, call: Call, data: Any) -> Any:
        arguments = dict(call.arguments)
        if self.row is not None:
            del arguments["id"]
            arguments[self.row] = data
        return await getattr(call.resource, self.name)(**arguments)

    async def respond(self, call: Call, data: Any, status_code: int) -> Any:
        is_default = status_code == self.status_code or isinstance(data, Response)
        return data if is_default else Response(data, status_code)

    def text(self, facts: Facts) -> str | None:
        return inspect.getdoc(self.function)


def _signature_of(function: Callable[..., Any]) -> inspect.Signature | str:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, TypeError) as exc:
        return f"its annotations cannot be read: {exc}; import them outside of TYPE_CHECKING"


def _is_row(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    return get_origin(annotation) is Annotated and any(
        isinstance(extra, Row) for extra in get_args(annotation)[1:]
    )


def _is_request(parameter: inspect.Parameter) -> bool:
    return parameter.annotation is parameter.empty and parameter.name == "request"
