"""The action of a chain, compiled when its routes are created."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import NoneType
from typing import Any

from multidict import istr

from bundles.autoload.loading.scope import MESSAGE_SCOPE
from bundles.contracts import skip_result
from bundles.web.client import Client
from bundles.web.directories.action_signature import with_signature
from bundles.web.directories.chain_compiler import ChainCompiler
from bundles.web.directories.chain_end import ENDED, result_of
from bundles.web.directories.handler_chain import Chain
from bundles.web.directories.kept_result import keeping_result
from bundles.web.directories.lazy_services import with_lazy_services
from bundles.web.directories.missing_slash import missing_slash
from bundles.web.directories.responding import respond, respond_ending, respond_with
from bundles.web.directories.upgrading import upgrading
from bundles.web.extensions.ws import WS
from rxkernel import Request, Response, StoredHeaders, stored_response

_COOKIE = istr("Cookie")

Action = Callable[..., Awaitable[Any]]

_new = object.__new__

_PLAIN = frozenset((str, dict, list, bytes, int, float, bool, NoneType))
"""Types of data that are not a response, an exception or a tuple with a status."""


def chain_action(chain: Chain, *, is_virtual: bool) -> Action:
    """Return the action of the definitions of *chain*, of a virtual path if *is_virtual*."""
    action = _action(chain, redirects=chain.redirects and not is_virtual)
    if chain.services.parameters:

        async def with_services(request: Request, **provided: Any) -> Response:
            return await action(request, provided)

        return with_signature(with_services, chain)
    return with_signature(action, chain)


def _action(chain: Chain, *, redirects: bool) -> Callable[..., Awaitable[Response]]:
    """Return the function that calls the handlers and creates the response. It is one long
    function, since every further call would cost time for each request."""
    compiler = ChainCompiler(chain)
    produce, lazy = compiler.result(), compiler.lazy()
    if lazy is not None:
        lazy = with_lazy_services(lazy, chain.lazy, chain.services)
    is_checked = bool(chain.verbs) and "returns" in chain.verbs[0].fields
    if is_checked:
        produce = keeping_result(produce)
    environment, extension, served = chain.environment, chain.directory.extension, chain.served
    if extension is WS:
        produce = upgrading(produce)
    prepare = environment.sessions.prepare
    render, pages, routes_with_pages = (
        extension.render,
        environment.pages,
        environment.pages.routes,
    )
    stored = StoredHeaders({**extension.headers, "Content-Type": extension.content_type})

    async def action(request: Request, provided: Mapping[str, Any] | None = None) -> Response:
        if redirects and (response := missing_slash(request)) is not None:
            return response
        if routes_with_pages and request.route_name in routes_with_pages:
            page = await pages.find(request)
            if page is not None:
                if is_checked:
                    skip_result(request)
                return page
        if _COOKIE in request.headers:
            await prepare(request)
        client = _new(Client)
        client.request = request
        client.chain = chain
        if provided is not None:
            client.provided = provided
        client.source = snapshot = served.snapshot  # begin_use, written out
        snapshot.readers.begin(client)
        request.attributes[MESSAGE_SCOPE] = client
        try:
            try:
                result = await produce(client)
                if (
                    type(result) in _PLAIN
                    and client.status is None
                    and client.sent_headers is None
                ):
                    body = render(client, result)
                    if type(body) is str or type(body) is bytes:
                        response = stored_response(body, stored)
                    else:
                        response = await respond_with(client, body, None, None)
                else:
                    response = await respond(client, result)
            except ENDED as ended:
                response = await respond_ending(client, result_of(ended))
            if client.page_run is not None:
                client.page_run.finish(response)
            if lazy is not None:
                request.after_sending(partial(lazy, client))
        except BaseException:  # the handler ``error`` uses the client until the message ends
            if client.page_run is not None:
                client.page_run.release()
            client.end_use_with_message()
            raise
        if request.services is None and not response.is_streamed:
            client.end_use()
        else:
            client.end_use_with_message()
        return response

    return action
