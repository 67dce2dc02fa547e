"""The arguments of a message: its parameters together with the fields of its body."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin, is_typeddict

from multidict import MultiDict

from bundles.contracts.schemas import Schema
from rxkernel import Request, UnprocessableEntityException, Validator

_ATTRIBUTE = "contracts.arguments"
"""Where the checked arguments are in the attributes of a request."""

_ROOT = "arguments"


def arguments_of(request: Request) -> Any:
    """Return the arguments of *request*: checked if its contract has ``parameters``.

    They are a dict of the parameters (of the path, the query or the event) and of the fields of
    the body; if both have a name, the parameter counts. A body that is not an object is returned
    itself. The value of a repeated name is a list.
    """
    if _ATTRIBUTE in request.attributes:
        return request.attributes[_ATTRIBUTE]
    body = request.body
    if not (body is None or isinstance(body, Mapping)):
        return body
    fields = {} if body is None else _dict_of(body)
    return {**fields, **_dict_of(request.params)}


def _dict_of(values: Mapping[str, Any]) -> dict[str, Any]:
    if not hasattr(values, "getall"):
        return dict(values)
    lists = {name: values.getall(name) for name in values}
    return {name: found[0] if len(found) == 1 else found for name, found in lists.items()}


class ArgumentsCheck:
    """Checks the arguments of messages with *schema*."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._fields = {name: Validator(type_) for name, type_ in _fields_of(schema.type).items()}

    def check(self, request: Request) -> None:
        """Convert and check the arguments of *request*, and set its body to the checked fields.

        Raises:
            UnprocessableEntityException: with every error.
        """
        arguments = arguments_of(request)
        if isinstance(arguments, dict):
            for name in self._texts_of(request):
                arguments[name] = self._from_text(name, arguments[name])
        try:
            checked = self._schema.validate(arguments, _ROOT)
        except UnprocessableEntityException as exc:
            raise _with_places(exc, request) from None
        request.attributes[_ATTRIBUTE] = checked
        if isinstance(request.body, Mapping) and isinstance(checked, Mapping):
            body, params = request.body, request.params
            request.body = {k: v for k, v in checked.items() if k in body or k not in params}
        elif request.body is not None:
            request.body = checked

    def _texts_of(self, request: Request) -> list[str]:
        """The names of the values that HTTP sends as texts, whatever their type."""
        if request.transport != "HTTP":
            return []
        form = request.body if isinstance(request.body, MultiDict) else ()
        return [*request.params, *form]

    def _from_text(self, name: str, value: Any) -> Any:
        """Return the converted *value*; unchanged if it is invalid, which the schema reports."""
        if name not in self._fields:
            return value
        try:
            return self._fields[name].validate(value, name, lenient=True)
        except UnprocessableEntityException:
            return value


def _fields_of(type_: Any) -> dict[str, Any]:
    """The types of the fields of *type_*, if it is a struct without further names."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return dict(type_.__annotations__) if is_typeddict(type_) else {}


def _with_places(
    exc: UnprocessableEntityException, request: Request
) -> UnprocessableEntityException:
    errors = [{**entry, "path": place_in_message(entry["path"], request)} for entry in exc.errors]
    return UnprocessableEntityException(exc.message, errors=errors)


def place_in_message(path: str, request: Request) -> str:
    """Return *path* below the arguments as a client knows it: ``params.id`` or ``body.name``."""
    below = path.removeprefix(_ROOT)
    name = below.removeprefix(".").partition(".")[0].partition("[")[0]
    is_parameter = name in request.params or (request.body is None and name)
    return f"{'params' if is_parameter else 'body'}{below}"
