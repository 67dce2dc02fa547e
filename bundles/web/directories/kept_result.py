"""Keeps the result of a chain whose verb has ``returns``, to check it before it is encoded."""

from typing import Any

from bundles.contracts import keep_result, skip_result
from bundles.web.client import Client
from bundles.web.directories.chain_compiler import Step
from bundles.web.directories.chain_end import ENDED, result_of
from bundles.web.templates.pages import PAGES
from rxkernel import Response


def keeping_result(produce: Step) -> Step:
    """Return *produce* with a result that is kept for the check of ``returns``: the response has
    it only in the format of the extension.

    If a handler or a middleware has created a response, its content is checked. A page that is
    rendered without a result uses the data of the context: nothing is checked.
    """

    async def keeping(client: Client) -> Any:
        try:
            result = await produce(client)
        except ENDED as ended:
            result = result_of(ended)
        data = _data_of(client, result)
        if data is None and client.directory.extension.name in PAGES:
            skip_result(client.request)
        elif not isinstance(data, Response | BaseException):
            keep_result(client.request, data)
        return result

    return keeping


def _data_of(client: Client, result: Any) -> Any:
    """Return the data that the handlers have returned, even if a middleware around them has
    received it as a response and has returned that."""
    if client.responded is not None and client.responded[0] is result:
        result = client.responded[1]
    return result[0] if type(result) is tuple and result else result
