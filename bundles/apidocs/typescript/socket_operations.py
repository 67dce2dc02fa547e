"""The operations and the pushed events of an AsyncAPI document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from bundles.apidocs.typescript.described_operation import (
    DescribedOperation,
    Field,
    SocketRoute,
    documentation,
)
from bundles.apidocs.typescript.error_codes import codes_of
from bundles.apidocs.typescript.references import last_name, resolved

Document = Mapping[str, Any]


@attrs.frozen
class PushedEvent:
    """An event that the server sends. *key* is unique in all namespaces, as in the kernel."""

    key: str
    route: SocketRoute
    params: tuple[Field, ...]
    payload: Any
    summary: str = ""
    is_deprecated: bool = False


def socket_operations(document: Document) -> Iterator[DescribedOperation]:
    for name, operation in document.get("operations", {}).items():
        if operation["action"] == "receive":
            yield from _operations(document, name, operation)


def pushed_events(document: Document) -> Iterator[PushedEvent]:
    for operation in document.get("operations", {}).values():
        if operation["action"] != "send":
            continue
        channel = resolved(document, operation["channel"])
        for event, message in _messages(document, operation):
            address = channel["address"]
            yield PushedEvent(
                key=event if address == "/" else f"{address}:{event}",
                route=SocketRoute(address, event),
                params=_namespace_params(document, channel),
                payload=_received(message.get("payload")),
                summary=_text(message) or operation.get("description", ""),
                is_deprecated=_is_deprecated(message, operation),
            )


def _operations(
    document: Document, name: str, operation: Document
) -> Iterator[DescribedOperation]:
    channel = resolved(document, operation["channel"])
    for event, message in _messages(document, operation):
        if event == "*":
            continue  # a route for any event has no name to emit
        in_namespace = _namespace_params(document, channel)
        has_envelope = operation.get("x-rxkernel-envelope", True)
        params: Iterable[Field] = ()
        if has_envelope:
            payload = _argument(document, message)
            params = _params(document, payload, {field.name for field in in_namespace})
            body = _body(payload)
            content, codes = _reply(document, operation.get("reply"))
        else:
            body = _plain_body(document, message.get("payload", True))
            content, codes = _plain_reply(document, operation.get("reply"))
        yield DescribedOperation(
            name=name,
            route=SocketRoute(channel["address"], event, has_envelope),
            params=(*in_namespace, *params),
            headers=(),
            body=body,
            results=(content,),
            returns="nothing" if content == {"type": "null"} else "value",
            codes=codes,
            tag=next((tag["name"] for tag in operation.get("tags", ()) if "name" in tag), ""),
            summary=_text(operation) or _text(message),
            is_deprecated=_is_deprecated(message, operation),
        )


def _messages(document: Document, operation: Document) -> Iterator[tuple[str, Document]]:
    """Yield each message of *operation*, after the name of its event."""
    references = operation.get("messages")
    if references is None:
        messages = resolved(document, operation["channel"]).get("messages", {})
        references = list(messages.values())
    for reference in references:
        message = resolved(document, reference)
        yield message.get("name") or last_name(reference["$ref"]), message


def _namespace_params(document: Document, channel: Document) -> tuple[Field, ...]:
    fields = []
    for name, parameter in channel.get("parameters", {}).items():
        parameter = resolved(document, parameter)
        choices = parameter.get("enum")
        schema = {"enum": choices} if choices else {"type": ["string", "number"]}
        fields.append(Field(name, schema, True, parameter.get("description", "")))
    return tuple(fields)


def _params(document: Document, payload: Document, but: set[str]) -> Iterator[Field]:
    params = resolved(document, payload.get("properties", {}).get("params", {}))
    for name, schema in params.get("properties", {}).items():
        if name not in but:
            is_mapping = isinstance(schema, Mapping)
            description = schema.get("description", "") if is_mapping else ""
            is_deprecated = bool(is_mapping and schema.get("deprecated"))
            is_required = name in params.get("required", ())
            yield Field(name, schema, is_required, description, is_deprecated)


def _argument(document: Document, message: Document) -> Document:
    """Return the schema of the argument of an event: with ``params`` and ``body``, or any
    value."""
    payload = message.get("payload", False)
    if isinstance(payload, Mapping):
        payload = resolved(document, payload)
    return {"properties": {"body": True}} if payload in (True, {}) else payload or {}


def _body(payload: Document) -> Field | None:
    fields = payload.get("properties", {})
    if "body" not in fields:
        return None
    return Field("body", fields["body"], "body" in payload.get("required", ()))


def _plain_body(document: Document, payload: Any) -> Field | None:
    """Return the argument of an event without an envelope. It is optional if it may be null."""
    if _is_null(document, payload):
        return None
    return Field("body", payload, not _allows_null(document, payload))


def _is_null(document: Document, schema: Any) -> bool:
    return isinstance(schema, Mapping) and resolved(document, schema).get("type") == "null"


def _allows_null(document: Document, schema: Any) -> bool:
    """Whether *schema* has null as a choice; a schema for any value does not."""
    if not isinstance(schema, Mapping):
        return False
    schema = resolved(document, schema)
    kinds = schema.get("type", ())
    if "null" in (kinds if isinstance(kinds, list) else [kinds]) or None in schema.get("enum", ()):
        return True
    if parts := schema.get("allOf"):
        return all(_allows_null(document, part) for part in parts)
    choices = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    return any(_allows_null(document, choice) for choice in choices)


def _plain_reply(document: Document, reply: Document | None) -> tuple[Any, frozenset[str | int]]:
    """Like `_reply`, for an event without an envelope: the first message is the acknowledgement,
    and the others are errors."""
    messages = [message for _, message in _messages(document, reply)] if reply else []
    if not messages:
        return True, frozenset()
    content, *errors = [message.get("payload", True) for message in messages]
    codes = frozenset(code for error in errors for code in codes_of(document, error))
    return _received(content), codes


def _reply(document: Document, reply: Document | None) -> tuple[Any, frozenset[str | int]]:
    """Return the schema of the content of an acknowledgement, and the codes of its errors."""
    contents = []
    codes: frozenset[str | int] = frozenset()
    for _, message in _messages(document, reply) if reply else ():
        for payload in _choices(document, message.get("payload", {})):
            codes |= codes_of(document, payload)
            if "content" in (fields := payload.get("properties", {})):
                contents.append(_received(fields["content"]))
    if not contents:
        return True, codes
    return contents[0] if len(contents) == 1 else {"anyOf": contents}, codes


def _received(schema: Any) -> Any:
    """Return the schema of a whole value: packets of Socket.IO contain bytes unencoded."""
    if not isinstance(schema, Mapping):
        return schema
    if schema.get("contentEncoding") == "base64":
        return {"type": schema.get("type", "string"), "format": "binary"}
    if "anyOf" in schema:
        return {**schema, "anyOf": [_received(choice) for choice in schema["anyOf"]]}
    return schema


def _choices(document: Document, payload: Any) -> Iterator[Document]:
    if not isinstance(payload, Mapping):
        return
    payload = resolved(document, payload)
    if choices := payload.get("oneOf", payload.get("anyOf")):
        for choice in choices:
            yield from _choices(document, choice)
    else:
        yield payload


def _text(node: Document) -> str:
    return documentation(node.get("summary", ""), node.get("description", ""))


def _is_deprecated(message: Document, operation: Document) -> bool:
    return bool(message.get("x-rxkernel-deprecated") or operation.get("x-rxkernel-deprecated"))
