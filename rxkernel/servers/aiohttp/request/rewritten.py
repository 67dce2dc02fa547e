"""Rewrites the requests that aiohttp parses, before aiohttp's router reads them."""

from asyncio import Task
from collections.abc import Callable
from typing import Any

from aiohttp import StreamReader, web

from rxkernel.servers.http.rewriting import Rewriting

SENT_TARGET = web.RequestKey("rxkernel.sent_target", str)
"""The key of the target that the client has sent, in a rewritten request."""

ROUTE = web.RequestKey("rxkernel.route", object)
"""The key of the route of a rewritten request, if the rewriter has returned it."""

NewRequest = Callable[..., web.BaseRequest]


def rewriting_factory(new_request: NewRequest, rewriting: Rewriting) -> NewRequest:
    """Return a function like *new_request* that creates aiohttp's requests with their rewritten
    targets."""

    def new_rewritten(
        message: Any, payload: StreamReader, protocol: Any, writer: Any, task: "Task[None]"
    ) -> web.BaseRequest:
        native = new_request(message, payload, protocol, writer, task)
        if rewriting.rewriter is None or (rewrite := rewriting.of(native)) is None:
            return native
        new = message._replace(path=rewrite.target, url=rewrite.url)
        rewritten = new_request(new, payload, protocol, writer, task)
        rewritten[SENT_TARGET] = message.path
        if rewrite.route is not None:
            rewritten[ROUTE] = rewrite.route
        return rewritten

    return new_rewritten
