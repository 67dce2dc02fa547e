"""Writes the module: the types, the class ``Client``, the tables for its calls, and the
runtime."""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from bundles.apidocs.typescript.components import Components, shared_components
from bundles.apidocs.typescript.described_operation import Field, HttpRoute, SocketRoute
from bundles.apidocs.typescript.http_operations import http_operations
from bundles.apidocs.typescript.identifiers import RESERVED_WORDS, UniqueNames
from bundles.apidocs.typescript.operations import Operation, linked_operations
from bundles.apidocs.typescript.pushed_events import PushedEvents
from bundles.apidocs.typescript.references import with_prefix_items
from bundles.apidocs.typescript.schema_types import SchemaTypes
from bundles.apidocs.typescript.socket_operations import pushed_events, socket_operations
from bundles.apidocs.typescript.source_text import comment, literal, property_name

Document = Mapping[str, Any]

_MEMBERS = frozenset(
    {
        "constructor",
        "on",
        "off",
        "connect",
        "close",
        "then",
        "prototype",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
        "toJSON",
        "__proto__",
    }
)
"""Members of `Client` and of every object; `then` would make a client a promise."""
_WIDTH = 100


def typescript_client(openapi: Document, asyncapi: Document) -> str:
    """Return a TypeScript module with a client for the two documents.

    The same documents give the same text.

    Raises:
        ConfigurationError: a reference in a document has no target, or a schema refers to
            something that is not a component.
    """
    asyncapi = with_prefix_items(asyncapi)
    runtime = files(__package__).joinpath("runtime.ts").read_text("utf-8")
    names = UniqueNames({*RESERVED_WORDS, *_capitalized(runtime), *_DECLARED})
    http, socket = list(http_operations(openapi)), list(socket_operations(asyncapi))
    pushes = list(pushed_events(asyncapi))
    http_outputs = [result for each in http for result in each.results]
    socket_outputs = [result for each in socket for result in each.results]
    socket_outputs += [event.payload for event in pushes]
    types = _types(openapi, asyncapi, names, http_outputs, socket_outputs)
    operations = linked_operations(http, socket, types, UniqueNames(_MEMBERS), names)
    events = PushedEvents(pushes, types[1].outputs)
    parts = [
        _head(openapi),
        *types[0].declarations(),
        *types[1].declarations(),
        *(_input(each) for each in operations if each.has_input),
        _error_codes(operations),
        *events.declarations(),
        _client(operations, events.takes_params),
        _operations(operations),
        events.routes(),
        f"const SOCKET_PATH = {literal(_socket_path(asyncapi))};\n",
        runtime,
    ]
    return "\n".join(parts)


_DECLARED = (
    "Client",
    "ErrorCodes",
    "Manager",
    "Pick",
    "PushedEventParams",
    "PushedEvents",
    "Required",
    "Socket",
)


def _capitalized(runtime: str) -> Iterable[str]:
    """Return the names that the runtime declares or uses from the platform."""
    code = re.sub(r'/\*.*?\*/|//[^\n]*|"[^"\n]*"', "", runtime, flags=re.DOTALL)
    return re.findall(r"\b[A-Z]\w*", code)


def _types(
    openapi: Document,
    asyncapi: Document,
    names: UniqueNames,
    http_outputs: list[Any],
    socket_outputs: list[Any],
) -> tuple[Components, Components]:
    of_http = openapi.get("components", {}).get("schemas", {})
    of_socket = asyncapi.get("components", {}).get("schemas", {})
    http, socket, http_names, socket_names = shared_components(of_http, of_socket, names)
    return (
        Components(of_http, http, http_names, http_outputs + socket_outputs),
        Components(of_socket, socket, socket_names, socket_outputs),
    )


def _head(openapi: Document) -> str:
    info = openapi.get("info", {})
    title = comment(f"The client of {info.get('title', 'the application')}.")
    return (
        "// Made by `rxkernel schema typescript`. Do not change it: make it again.\n\n"
        f'{title}import {{ Manager, type Socket }} from "socket.io-client";\n'
    )


def _input(operation: Operation) -> str:
    types, main = operation.inputs, operation.main
    lines = [f"export interface {operation.input_name} {{\n"]
    for word, fields in (("params", operation.params), ("headers", main.headers)):
        if fields:
            mark = "" if any(field.is_required for field in fields) else "?"
            members = "".join(_member(field, types) for field in fields)
            lines.append(f"  {word}{mark}: {{\n{members}  }};\n")
    if main.body:
        lines.append(comment(main.body.description, indent="  "))
        mark = "" if main.body.is_required else "?"
        lines.append(f"  body{mark}:{_body_type(operation, main.body)};\n")
    return "".join(lines) + "}\n"


def _body_type(operation: Operation, body: Field) -> str:
    text = operation.inputs.after_colon(body.schema, "  ")
    is_raw = operation.http is not None and operation.http.body == "raw"
    is_stream = is_raw and operation.socket is None and text != " string"
    return f"{text} | ReadableStream<Uint8Array>" if is_stream else text


def _member(field: Field, types: SchemaTypes) -> str:
    mark = "" if field.is_required else "?"
    above = comment(field.description, deprecated=field.is_deprecated, indent="    ")
    text = types.after_colon(field.schema, "    ")
    return f"{above}    {property_name(field.name)}{mark}:{text};\n"


def _error_codes(operations: Iterable[Operation]) -> str:
    lines = []
    for operation in operations:
        codes = " | ".join(literal(code) for code in operation.codes) or "never"
        lines.append(_fitting(f"  {property_name(operation.name)}: {codes};\n", " | "))
    return (
        "/** The codes of the errors of each operation, as `error.code` of `isErrorOf`. */\n"
        f"export interface ErrorCodes {{\n{''.join(lines)}}}\n"
    )


def _fitting(line: str, separator: str) -> str:
    """Break a line that is too long before each *separator*."""
    if len(line) <= _WIDTH:
        return line
    head, rest = line.split(": ", 1)
    return f"{head}:\n    | " + rest.replace(separator, "\n    | ")


def _client(operations: Iterable[Operation], takes_params: bool) -> str:
    rest = "\n    ...[params]: PushedEventParams<E>" if takes_params else ""
    params = ", params" if takes_params else ""
    methods = "".join(f"\n{_method(operation)}" for operation in operations)
    return f"""\
/** Every operation of the application, as a function with its types. */
export class Client {{
  readonly #caller: Caller;

  constructor(options: ClientOptions) {{
    this.#caller = new Caller(options);
  }}

  /**
   * Call *listener* for each pushed *event*. The promise ends once the socket is connected, or
   * with the error of the connection; the listener stays, as a lost connection is renewed.
   */
  on<E extends keyof PushedEvents>(
    event: E,
    listener: (payload: PushedEvents[E]) => void,{rest}
  ): Promise<void> {{
    return this.#caller.on(pushedEvents[event], listener{params});
  }}

  off<E extends keyof PushedEvents>(
    event: E,
    listener: (payload: PushedEvents[E]) => void,{rest}
  ): void {{
    this.#caller.off(pushedEvents[event], listener{params});
  }}

  /** Connect to a namespace. All its calls and pushed events use this socket. */
  connect(namespace = "/"): Promise<Socket> {{
    return this.#caller.connect(namespace);
  }}

  /** Close all sockets. A later call connects again, and the listeners stay. */
  close(): void {{
    this.#caller.close();
  }}
{methods}}}
"""


def _method(operation: Operation) -> str:
    main = operation.main
    above = comment(main.summary, deprecated=main.is_deprecated, indent="  ")
    name = operation.name
    if not operation.has_input:
        taken = "input: Record<string, never> = {}"
    elif operation.is_input_required:
        taken = f"input: {operation.input_name}"
    else:
        taken = f"input: {operation.input_name} = {{}}"
    choice = {(True, True): "", (True, False): '<"http">', (False, True): '<"socket">'}
    options = f"options?: CallOptions{choice[bool(operation.http), bool(operation.socket)]}"
    result = f"Promise<{operation.result}>"
    head = f"  {name}({taken}, {options}): {result} {{\n"
    if len(head) > _WIDTH and "\n" not in result:
        head = f"  {name}(\n    {taken},\n    {options},\n  ): {result} {{\n"
    called = f"operations[{literal(name)}]"
    if name.isascii() and property_name(name) == name:
        called = f"operations.{name}"
    return f"{above}{head}    return this.#caller.call({called}, input, options);\n  }}\n"


def _operations(operations: Iterable[Operation]) -> str:
    entries = "".join(f"  {property_name(each.name)}: {_entry(each)},\n" for each in operations)
    return f"const operations = {{\n{entries}}} satisfies Record<string, Operation>;\n"


def _entry(operation: Operation) -> str:
    lines = [f"name: {literal(operation.name)}"]
    if operation.http:
        lines.append(f"http: {_object(_http_fields(operation.http))}")
    if operation.socket:
        lines.append(f"socket: {_object(socket_fields(operation.socket))}")
    lines.append(f"returns: {literal(operation.returns)}")
    return "{\n" + "".join(f"    {line},\n" for line in lines) + "  }"


def _http_fields(route: HttpRoute) -> Iterator[tuple[str, Any]]:
    yield "method", route.method
    yield "path", route.path
    if route.rest:
        yield "rest", list(route.rest)
    if route.query:
        yield "query", list(route.query)
    if route.body:
        yield "body", route.body
    if route.headers:
        yield "headers", route.headers


def socket_fields(route: SocketRoute) -> Iterator[tuple[str, Any]]:
    yield "namespace", route.namespace
    yield "event", route.event
    if not route.has_envelope:
        yield "envelope", False


def _object(fields: Iterable[tuple[str, Any]]) -> str:
    return "{ " + ", ".join(f"{name}: {literal(value)}" for name, value in fields) + " }"


def _socket_path(asyncapi: Document) -> str:
    server: Document = next(iter(asyncapi.get("servers", {}).values()), {})
    return str(server.get("pathname", "/socket.io"))
