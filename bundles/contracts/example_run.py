"""Runs the examples of contracts against an application."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs

from bundles.contracts.contract import contract_of
from bundles.contracts.example import Example
from bundles.contracts.unset import UNSET
from rxkernel import Definition, KernelClient, Response, Transport, decode_json, encode_json


@attrs.frozen
class ExampleResult:
    """The result of an example; *problem* is None if it passed."""

    definition: Definition
    example: Example
    problem: str | None

    @property
    def title(self) -> str:
        """The transport, the route, and the caption or the call of the example."""
        definition = self.definition
        what = self.example.caption or repr(self.example)
        return f"{definition.transport} {definition.metadata.key}: {what}"


async def run_examples(client: KernelClient) -> AsyncIterator[ExampleResult]:
    """Run the examples of all definitions of the application of *client*, one after another. Each
    is called as its user, over each of its transports."""
    async with client.application:
        definitions = client.application.kernel.compiled.all
    for definition in definitions:
        contract = contract_of(definition)
        for example in () if contract is None else contract.examples:
            if example.runs_over(definition.transport):
                yield ExampleResult(definition, example, await _run(client, definition, example))


async def _run(client: KernelClient, definition: Definition, example: Example) -> str | None:
    """Run *example*; return its error, or None. Its values may be impossible to send."""
    try:
        if example.user is not None:
            client = client.as_user(await client.load_user(example.user))
        return _problem(example, await _call(client, definition, example))
    except Exception as exc:  # noqa: BLE001 - one example does not keep others from running
        return f"raised {type(exc).__name__}: {exc}"


async def _call(client: KernelClient, definition: Definition, example: Example) -> Response:
    key, params, body = definition.metadata.key, example.params, example.body
    if definition.transport is Transport.HTTP:
        return await client.http(key, params=params, body=body)
    if definition.transport is Transport.SOCKET:
        return await client.websocket(key, params=params, body=body)
    return await client.call(definition.transport, definition.name, params=params, body=body)


def _problem(example: Example, response: Response) -> str | None:
    """Return the difference between *response* and *example*; None if they are equal."""
    content = _content_of(response)
    if example.error is not None:
        code = content.get("code") if isinstance(content, Mapping) else None
        if response.status_code < 400 or code != example.error:
            return f"expected the error {example.error!r}, got {response.status_code} {content!r}"
        return None
    if response.status_code >= 400:
        hint = "; add user=…" if response.status_code == 401 and example.user is None else ""
        return f"got {response.status_code} {content!r}{hint}"
    if example.returns is not UNSET and not _is_same(content, _plain(example.returns)):
        return f"expected {_plain(example.returns)!r}, got {content!r}"
    return None


def _content_of(response: Response) -> Any:
    """Return the content as a client reads it, also if the action has encoded it as JSON."""
    if response.is_streamed:
        return None
    content = response.content
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    is_encoded = isinstance(content, bytes) and kind == "application/json"
    return decode_json(content if is_encoded else encode_json(content))


def _is_same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; a boolean is not equal to a number."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_is_same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _plain(value: Any) -> Any:
    return decode_json(encode_json(value))
