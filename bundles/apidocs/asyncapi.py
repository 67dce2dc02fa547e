"""AsyncAPI 3.0 of the Socket.IO events."""

from collections.abc import Iterable
from typing import Any

from bundles.apidocs.error_schemas import ErrorSchemas
from bundles.apidocs.inputs import Body, Input
from bundles.apidocs.keys import plain_name, unique
from bundles.apidocs.operations import Operation
from bundles.contracts import UNSET
from rxkernel import Definition, JsonSchemas, Source, WebSocketDefinition

Node = dict[str, Any]

_ROOT = "/"
_NULL: Node = {"type": "null"}
_ERROR = "error"
"""The key of the message for errors without a declared code, which all events have."""
_SERVICE = "realtime.event"
"""The option of the events of services, whose errors have another shape."""


def channels_of(
    operations: Iterable[Operation], others: Iterable[Definition], schemas: JsonSchemas
) -> tuple[Node, Node]:
    """Return the ``channels`` and the ``operations`` for *operations*, which are all events.

    *others* are definitions of other transports, which may push events.
    """
    writer = _Writer(schemas)
    found = sorted(operations, key=_order)
    for operation in found:
        writer.receive(operation)
    for definition in [*(each.definition for each in found), *others]:
        writer.push(definition)
    return writer.channels, writer.operations


def _order(operation: Operation) -> tuple[str, str]:
    definition = operation.definition
    assert isinstance(definition, WebSocketDefinition)
    return definition.namespace, definition.name


class _Writer:
    def __init__(self, schemas: JsonSchemas) -> None:
        self._schemas = schemas
        self._errors = ErrorSchemas(schemas)
        self._keys: dict[str, str] = {}
        self._pushed: dict[tuple[str, str], Node] = {}
        self._service_error_keys: dict[str, str] = {}
        self.channels: dict[str, Node] = {}
        self.operations: dict[str, Node] = {}

    # --- channels

    def _channel(self, definition: Definition) -> str:
        """Return the key of the channel of *definition*; add the channel if it is new.

        Other transports have no namespaces: their events are pushed to ``/``.
        """
        namespace = definition.namespace if isinstance(definition, WebSocketDefinition) else _ROOT
        syntax = definition.metadata.template_syntax if namespace != _ROOT else None
        if namespace not in self._keys:
            address = namespace if syntax is None else syntax.plain_text
            key = unique(_channel_name(address), self.channels)
            self._keys[namespace] = key
            channel: Node = {
                "address": address,
                "title": namespace,
                "servers": [{"$ref": "#/servers/main"}],
                "messages": {},
            }
            if syntax is not None:
                channel["parameters"] = {name: {} for name in syntax.parameters}
            self.channels[key] = channel
        return self._keys[namespace]

    def _message(self, channel: str, key: str, message: Node) -> Node:
        """Add *message* to *channel*, and return a reference to it."""
        self.channels[channel]["messages"][key] = message
        return {"$ref": f"#/channels/{channel}/messages/{key}"}

    def _message_key(self, channel: str, name: str) -> str:
        """Return a key for the event *name* that does not collide with the keys of its replies."""
        messages = self.channels[channel]["messages"]
        key, number = name, 2
        while key == _ERROR or messages.keys() & {key, f"{key}.ack", f"{key}.error"}:
            key, number = f"{name}_{number}", number + 1
        return key

    # --- events that clients send

    def receive(self, operation: Operation) -> None:
        definition = operation.definition
        assert isinstance(definition, WebSocketDefinition)
        channel = self._channel(definition)
        name = plain_name(definition.name)
        if name in self.operations:
            name = unique(f"{channel}.{name}", self.operations)
        reference = {"$ref": f"#/channels/{channel}"}
        key = self._message_key(channel, plain_name(definition.name))
        event = self._message(channel, key, self._event(operation, definition))
        replies = [self._message(channel, f"{key}.ack", self._ack(operation, definition))]
        replies += self._error_messages(channel, key, operation)
        found: Node = {"action": "receive", "channel": reference}
        if operation.summary:
            found["summary"] = operation.summary
        if operation.description:
            found["description"] = operation.description
        found["tags"] = [{"name": operation.tag}]
        if operation.access is not None:
            found["x-rxkernel-access"] = operation.access.rule
            if schemes := _schemes(operation):
                found["security"] = schemes
        if operation.is_deprecated:
            found["x-rxkernel-deprecated"] = True
        if definition.metadata.arguments == "value":
            found["x-rxkernel-envelope"] = False
        if definition.pushes:
            found["x-rxkernel-pushes"] = sorted({event.name for event in definition.pushes})
        found["messages"] = [event]
        found["reply"] = {"channel": reference, "messages": replies}
        self.operations[name] = found

    def _event(self, operation: Operation, definition: WebSocketDefinition) -> Node:
        message: Node = {"name": definition.name, "payload": self._payload(operation, definition)}
        if operation.summary:
            message["title"] = operation.summary
        examples = [
            {
                "name": f"example{number}",
                **({"summary": e.caption} if e.caption else {}),
                "payload": _example_payload(e.params, e.body, definition),
            }
            for number, e in enumerate(operation.contract.examples, 1)
        ]
        if examples:
            message["examples"] = examples
        return message

    def _payload(self, operation: Operation, definition: WebSocketDefinition) -> Node:
        syntax = definition.metadata.syntax
        in_namespace = () if syntax is None else syntax.parameters
        params = [
            each
            for each in operation.inputs.inputs
            if each.source is Source.PARAMS and each.key not in in_namespace
        ]
        if definition.metadata.arguments == "value":
            return _plain_payload(params, operation.inputs.body)
        properties: Node = {}
        required: list[str] = []
        if params:
            properties["params"] = _params(params)
            if "required" in properties["params"]:
                required.append("params")
        elif operation.inputs.are_open:
            properties["params"] = {"type": "object"}
        if operation.inputs.body is not None:
            properties["body"] = operation.inputs.body.schema
            if operation.inputs.body.is_required:
                required.append("body")
        return {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            **({} if operation.inputs.are_open else {"additionalProperties": False}),
        }

    def _ack(self, operation: Operation, definition: WebSocketDefinition) -> Node:
        returned = operation.returned
        content: Node = {"type": "null"} if returned.schema is None else returned.schema
        if returned.schema is None and returned.responses:
            content = {}
        envelope: Node = {
            "type": "object",
            "properties": {
                "statusCode": {"const": definition.status_code},
                "headers": _headers(operation),
                "content": content,
            },
            "required": ["statusCode", "headers", "content"],
        }
        has_envelope = definition.metadata.arguments == "envelope"
        message: Node = {
            "name": f"{definition.name} acknowledgement",
            "payload": envelope if has_envelope else content,
        }
        if operation.docstring.returns:
            message["description"] = operation.docstring.returns
        examples = [
            {
                "name": f"example{number}",
                "payload": {
                    "statusCode": definition.status_code,
                    "headers": {},
                    "content": e.returns,
                }
                if has_envelope
                else e.returns,
            }
            for number, e in enumerate(operation.contract.examples, 1)
            if e.returns is not UNSET
        ]
        if examples:
            message["examples"] = examples
        return message

    def _error_messages(self, channel: str, key: str, operation: Operation) -> list[Node]:
        """Return the messages for errors: one for all events, and one for the declared codes of
        this event."""
        general = self._errors.general(400)
        validation = self._errors.general(422)
        payload: Node = {"anyOf": [validation, general]}
        is_service = _SERVICE in operation.definition.options
        if is_service:
            payload = self._errors.of_service(payload)
        error_key = self._service_error_key(channel) if is_service else _ERROR
        found = [self._message(channel, error_key, {"name": "error", "payload": payload})]
        coded = [(s, e) for s, e in operation.errors if e.codes]
        if coded:
            schemas = [self._errors.coded(status, error) for status, error in coded]
            if is_service:
                schemas = [self._errors.of_service(schema) for schema in schemas]
            texts = [f"`{code}`: {text}" for _, e in coded for code, text in e.codes.items()]
            message = {
                "name": f"{operation.definition.name} error",
                "description": "\n\n".join(texts),
                "payload": schemas[0] if len(schemas) == 1 else {"anyOf": schemas},
            }
            found.insert(0, self._message(channel, f"{key}.error", message))
        return found

    def _service_error_key(self, channel: str) -> str:
        """Return the key of the message for errors of services, which other events do not use."""
        if channel not in self._service_error_keys:
            messages = self.channels[channel]["messages"]
            self._service_error_keys[channel] = unique("service_error", messages)
        return self._service_error_keys[channel]

    # --- events that the server sends

    def push(self, definition: Definition) -> None:
        for event in sorted(definition.pushes, key=lambda event: event.name):
            channel = self._channel(definition)
            payload = {"type": "null"} if event.type is None else self._schemas.output(event.type)
            known = self._pushed.get((channel, event.name))
            if known is not None:
                members = known["payload"].get("anyOf", [known["payload"]])
                if payload not in members:
                    known["payload"] = {"anyOf": [*members, payload]}
                continue
            message: Node = {"name": event.name, "payload": payload}
            self._pushed[channel, event.name] = message
            base = f"push_{plain_name(event.name)}"
            key = unique(base, self.channels[channel]["messages"])
            name = base if base not in self.operations else f"{channel}.{base}"
            self.operations[unique(name, self.operations)] = {
                "action": "send",
                "channel": {"$ref": f"#/channels/{channel}"},
                "summary": f"The event {event.name}",
                "messages": [self._message(channel, key, message)],
            }


def _channel_name(address: str) -> str:
    if address == _ROOT:
        return "main"
    return plain_name(address.strip("/").replace("/", ".").replace("{", "").replace("}", ""))


def _headers(operation: Operation) -> Node:
    """Return the headers of an acknowledgement, including those in the docstring."""
    found: Node = {"type": "object", "additionalProperties": {"type": "string"}}
    named = operation.docstring.headers
    if named:
        found["properties"] = {
            name: {"type": "string", "description": text} for name, text in named.items()
        }
    return found


def _params(inputs: list[Input]) -> Node:
    required = [each.key for each in inputs if each.is_required]
    return {
        "type": "object",
        "properties": {
            each.key: JsonSchemas.with_keywords(
                each.schema, **({"description": each.description} if each.description else {})
            )
            for each in inputs
        },
        **({"required": required} if required else {}),
    }


def _schemes(operation: Operation) -> list[Node]:
    assert operation.access is not None
    names = dict.fromkeys(name for one in operation.access.security for name in one)
    return [{"$ref": f"#/components/securitySchemes/{name}"} for name in names]


def _plain_payload(params: list[Input], body: Body | None) -> Node:
    """Return the schema of the argument of an event without an envelope: the argument is the body,
    and its fields are the parameters. An argument that may be null may also be missing."""
    if params and body is not None and body.schema.get("additionalProperties") is False:
        return _mixed_payload(_params(params), body)
    parts: list[Node] = []
    if params:
        is_required = any(each.is_required for each in params)
        parts.append(_params(params) if is_required else {"anyOf": [_params(params), _NULL]})
    if body is not None:
        parts.append(body.schema if body.is_required else {"anyOf": [body.schema, _NULL]})
    if not parts:
        return _NULL
    return parts[0] if len(parts) == 1 else {"allOf": parts}


def _mixed_payload(params: Node, body: Body) -> Node:
    """Like `_plain_payload`, if the body consists of the fields that are not parameters."""
    fields = body.schema
    required = [*params.get("required", ()), *fields.get("required", ())]
    mixed = {**fields, "properties": {**params["properties"], **fields["properties"]}}
    if required:
        mixed["required"] = required
        return mixed
    return {"anyOf": [mixed, _NULL]}


def _example_payload(params: Any, body: Any, definition: WebSocketDefinition) -> Any:
    if definition.metadata.arguments == "value":
        return dict(params) if params else body
    found: Node = {}
    if params:
        found["params"] = dict(params)
    if body is not None:
        found["body"] = body
    return found
