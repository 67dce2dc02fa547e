"""``rxkernel call``: runs one definition with its listeners, in process and without a port."""

from typing import Any

import click

from rxkernel.application.application import Application
from rxkernel.application.client_events import namespace_of
from rxkernel.application.recording import ConnectionRefusedException
from rxkernel.application.testing import KernelClient
from rxkernel.cli.definition import find_definition
from rxkernel.cli.listing import print_json
from rxkernel.cli.loading import load
from rxkernel.cli.loop import run
from rxkernel.cli.options import debug_option, overrides_of, target_argument, transport_option
from rxkernel.exceptions import BadRequestException, ConfigurationError
from rxkernel.headers import Headers
from rxkernel.kernel.serialization import Serializer, decode_json
from rxkernel.messages.response import EventStreamResponse, FileResponse, Response, StreamResponse
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition, WebSocketDefinition
from rxkernel.servers.http.files.opening import open_file


def _pair(given: str, shape: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{given!r} does not have the form {shape}")
    return name, value


def _read_params(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    params: dict[str, str] = {}
    for name, value in (_pair(text, "KEY=VALUE") for text in given):
        if name in params:
            raise click.BadParameter(f"{name!r} is given twice; remove one")
        params[name] = value
    return params


def _read_headers(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> Headers:
    headers = Headers()
    for name, value in (_pair(text, "NAME=VALUE") for text in given):
        try:
            headers.add(name, value)
        except ValueError as exc:
            raise click.BadParameter(str(exc)) from exc
    return headers


def _read_body(_: click.Context, __: click.Parameter, given: str | None) -> Any:
    try:
        return None if given is None else decode_json(given)
    except BadRequestException as exc:
        raise click.BadParameter(f"{exc}; a string needs quotes: '\"text\"'") from exc


@click.command
@click.argument("name")
@target_argument
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_read_params,
    help="A parameter of the path or the query; may be repeated.",
)
@click.option("--body", metavar="JSON", callback=_read_body, help="The body.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_headers,
    help="A header of the request, or of a socket's handshake; may be repeated.",
)
@transport_option
@debug_option
@click.pass_context
def call(
    ctx: click.Context,
    name: str,
    target: str | None,
    params: dict[str, str],
    body: Any,
    headers: Headers,
    transport: Transport | None,
) -> None:
    """Run one request in process.

    The definition NAME handles it, and the response is printed as JSON. Exits with 0 if its
    status is below 400, else with 1. A stream or a file is printed as text; an event
    stream, which may never end, is not read.
    """
    application = load(target, overrides_of(ctx))
    sent = {"params": params, "body": body}
    answer = run(_call(application, name, sent, headers, transport))
    print_json(answer)
    ctx.exit(0 if answer["statusCode"] < 400 else 1)


async def _call(
    application: Application,
    name: str,
    sent: dict[str, Any],
    headers: Headers,
    transport: Transport | None,
) -> dict[str, Any]:
    async with KernelClient(application) as client:
        definition = find_definition(application.kernel, name, transport)
        if isinstance(definition, HttpDefinition):
            try:
                response = await client.http(name, headers=headers, **sent)
            except ValueError as exc:
                is_whole = sent["params"].keys() >= definition.template.parameters.keys()
                cure = "" if is_whole else " Use --param KEY=VALUE."
                raise ConfigurationError(f"{exc}{cure}") from exc
        elif isinstance(definition, WebSocketDefinition):
            response = await _emit(client, definition, headers, sent)
        else:
            response = await client.call(definition.transport, name, headers=headers, **sent)
        return {
            "statusCode": response.status_code,
            "headers": _headers(response),
            "content": await _content(response, application.kernel.serializer),
        }


async def _emit(
    client: KernelClient, definition: WebSocketDefinition, headers: Headers, sent: dict[str, Any]
) -> Response:
    """Return the response to an event, or the rejection of the connection for it."""
    try:
        namespace, params = namespace_of(definition, sent["params"])
    except ValueError as exc:
        raise ConfigurationError(f"{exc} Use --param KEY=VALUE.") from exc
    name, body = definition.metadata.key, sent["body"]
    try:
        async with client.connection(namespace, headers=headers) as connection:
            return await client.websocket(name, params=params, body=body, connection=connection)
    except ConnectionRefusedException as exc:
        return exc.response


def _headers(response: Response) -> dict[str, str | list[str]]:
    """Return the headers by name; a repeated one, such as Set-Cookie, is a list."""
    headers = response.headers
    lists = {name: headers.getall(name) for name in headers}
    return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}


async def _content(response: Response, serializer: Serializer) -> Any:
    if isinstance(response, EventStreamResponse):
        return None
    if isinstance(response, StreamResponse):
        pieces = [piece async for piece in response.content]
        return _text(b"".join(p.encode() if isinstance(p, str) else p for p in pieces))
    if isinstance(response, FileResponse):
        return _file(response)
    content = serializer.to_plain(response.content)
    return _text(content) if isinstance(content, bytes | bytearray) else content


def _file(response: FileResponse) -> str | bytes:
    with open_file(response.content, response.root) as file:
        return _text(file.readall())


def _text(content: bytes | bytearray) -> str | bytes:
    """Return *content* as text if it is UTF-8; other bytes are printed as Base64."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return bytes(content)
