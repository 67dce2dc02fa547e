"""The arguments of a message: its parameters together with the fields of its body."""

from collections.abc import Iterable, Mapping
from typing import Any

from multidict import MultiDict, MultiDictProxy

from bundles.contracts.schemas import Schema
from bundles.contracts.schemas.form_fields import ignores_empty, nest, without_empty
from bundles.contracts.schemas.nodes import Node
from bundles.contracts.schemas.texts import read_texts
from rxkernel import Request, UnprocessableEntityException, UploadedFile

_BAGS = (MultiDict, MultiDictProxy)
"""The classes of a decoded form."""

_JSON = ("{", "[")
"""The first character of JSON objects and arrays: of a field name, if JSON was read as a form; or
of a body that was read as text."""

_JSON_BYTES = (b"{", b"[")

_FORM_VALUES = (str, bytes, UploadedFile)
"""The types of form values, except for parts with JSON."""

_ATTRIBUTE = "contracts.arguments"
"""The request attribute with the checked arguments."""

_PARAMETERS = "contracts.parameters"
"""The request attribute with the names of the parameters that the client sent; `Request.params`
may have further ones later."""

_ROOT = "arguments"

_NO_NAMES: frozenset[str] = frozenset()


def arguments_of(request: Request) -> Any:
    """Return the arguments of *request*; they are checked if its contract has ``parameters``.

    They are a dict of the parameters (of the path, the query or the event) and of the fields of
    the body; a parameter overrides a field of the same name. A body that is not an object is
    returned unchanged. The value of a repeated name is a list.
    """
    attributes = request.attributes
    if _ATTRIBUTE in attributes:
        return attributes[_ATTRIBUTE]
    body = request.body
    if not (body is None or isinstance(body, Mapping)):
        return body
    fields = {} if body is None else _dict_of(body)
    return {**fields, **params_of(request)}


def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of the body if it is a form or an object, otherwise an empty dict."""
    body = request.body
    return _dict_of(body) if isinstance(body, Mapping) else {}


def forget_arguments(request: Request) -> None:
    """Remove the arguments that were checked for another action: *request* has copied its
    attributes from the message of that action."""
    request.attributes.pop(_ATTRIBUTE, None)
    request.attributes.pop(_PARAMETERS, None)


def _dict_of(values: Mapping[str, Any]) -> dict[str, Any]:
    if not hasattr(values, "getall"):
        return dict(values)
    lists = {name: values.getall(name) for name in values}
    return {name: found[0] if len(found) == 1 else found for name, found in lists.items()}


class ArgumentsCheck:
    """Checks the arguments of messages with *schema*.

    Args:
        plain: the names of the parameters of the action that are read from the parameters of the
            message.
        takes_body: whether the action has a parameter that is read from the body. Then, if no body
            was sent, the defaults of fields become the body.
    """

    def __init__(
        self, schema: Schema, plain: Iterable[str] = (), *, takes_body: bool = False
    ) -> None:
        self._schema = schema
        self._plain = tuple(plain)
        self._takes_body = takes_body

    def check(self, request: Request) -> None:
        """Convert and check the arguments of *request*, and set its body to the checked fields.

        Raises:
            UnprocessableEntityException: lists every error.
        """
        if _sends_texts(request) and not isinstance(request.body, _BAGS):
            request.params = request.filled_params(self._ignores_empty)
        sent = params_of(request)
        request.attributes[_PARAMETERS] = frozenset(sent)
        try:
            checked = self._schema.validate(self._values_of(request, sent), _ROOT)
        except UnprocessableEntityException as exc:
            raise _with_places(exc, request) from None
        request.attributes[_ATTRIBUTE] = checked
        body, params = request.body, request.params
        if body is None and self._takes_body and isinstance(checked, Mapping):
            request.body = {k: v for k, v in checked.items() if k not in params}
        elif isinstance(body, Mapping) and isinstance(checked, Mapping):
            request.body = {k: v for k, v in checked.items() if k in body or k not in params}
        elif body is not None:
            request.body = checked
        if self._plain and isinstance(checked, Mapping):
            found = {k: checked[k] for k in self._plain if k in checked and k not in params}
            if found:
                request.params = MultiDict([*params.items(), *found.items()])

    def check_value(self, request: Request) -> None:
        """Do the same as `check` for a message whose arguments are one value. This value is the
        body, and its fields are also the parameters."""
        attributes = request.attributes
        attributes[_PARAMETERS] = _NO_NAMES
        given = params_of(request) if request.body is None else request.body
        try:
            checked = self._schema.validate(given, _ROOT)
        except UnprocessableEntityException as exc:
            raise _with_places(exc, request) from None
        attributes[_ATTRIBUTE] = checked
        if type(checked) is dict or isinstance(checked, Mapping):
            request.params = checked
        if request.body is not None or self._takes_body:
            request.body = checked

    def _ignores_empty(self, name: str) -> bool:
        return ignores_empty(self._schema.node, name)

    def _values_of(self, request: Request, params: dict[str, Any]) -> Any:
        """Return the arguments. For an HTTP route, convert the texts of *params* and of a form."""
        arguments = arguments_of(request)
        if not isinstance(arguments, dict) or not _sends_texts(request):
            return arguments
        node, body = self._schema.node, request.body
        if isinstance(body, _BAGS):
            json = {name for name, value in body.items() if not isinstance(value, _FORM_VALUES)}
            texts = {name: value for name, value in _dict_of(body).items() if name not in json}
            arguments.update(read_texts(node, params))
            return _with_form(node, arguments, texts, params)
        return {**arguments, **read_texts(node, params)}


def _sends_texts(request: Request) -> bool:
    """Whether *request* is for an HTTP route. A procedure may be called over HTTP too."""
    definition = request.definition
    return request.transport == "HTTP" and (definition is None or definition.transport == "HTTP")


def _with_form(
    node: Node, arguments: dict[str, Any], texts: dict[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *arguments* with the *texts* of a form converted to JSON values; *params* override
    them."""
    others = {name: value for name, value in arguments.items() if name not in texts}
    form = read_texts(node, nest(node, without_empty(node, texts)))
    return {**others, **form, **{name: arguments[name] for name in params}}


def params_of(request: Request) -> dict[str, Any]:
    """Return the parameters of path, query or event, without the fields of a form. The value of a
    repeated name is a list."""
    params, form = request.params, request.body
    if not isinstance(form, _BAGS):
        return _dict_of(params)
    found = {name: params.getall(name) for name in params}
    own = {name: all_[: len(all_) - len(form.getall(name, ()))] for name, all_ in found.items()}
    return {name: each[0] if len(each) == 1 else each for name, each in own.items() if each}


def _with_places(
    exc: UnprocessableEntityException, request: Request
) -> UnprocessableEntityException:
    errors = [{**entry, "path": place_in_message(entry["path"], request)} for entry in exc.errors]
    if (read_as := _json_was_read_as(request)) is not None:
        hint = f"the body was read as {read_as}; send JSON with Content-Type: application/json"
        return UnprocessableEntityException(f"{exc.message}; {hint}", errors=errors)
    return UnprocessableEntityException(exc.message, errors=errors)


def _json_was_read_as(request: Request) -> str | None:
    """Return how a JSON body with another media type was read: ``curl -d``, and ``fetch`` with a
    text, send such bodies. None if the body is not such JSON."""
    body = request.body
    if isinstance(body, _BAGS):
        return "a form" if any(name.startswith(_JSON) for name in body) else None
    if not _sends_texts(request) or "json" in request.headers.get("Content-Type", "").lower():
        return None
    if isinstance(body, str):
        return "text" if body.lstrip().startswith(_JSON) else None
    if isinstance(body, bytes):
        return "bytes" if body.lstrip().startswith(_JSON_BYTES) else None
    return None


def place_in_message(path: str, request: Request) -> str:
    """Return *path*, which begins at the arguments, as clients know it: ``params.id``,
    ``body.name``.

    Without a body, all arguments are parameters.
    """
    below = path.removeprefix(_ROOT)
    name = below.removeprefix(".").partition(".")[0].partition("[")[0]
    sent = request.attributes.get(_PARAMETERS)
    parameters = params_of(request) if sent is None else sent
    is_parameter = name in parameters or request.body is None
    return f"{'params' if is_parameter else 'body'}{below}"
