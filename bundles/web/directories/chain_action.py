"""The action of a chain, compiled when its routes are made."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from multidict import istr

from bundles.web.client import CLIENT, new_client
from bundles.web.directories.action_signature import with_signature
from bundles.web.directories.chain import Chain
from bundles.web.directories.slash import slash_redirect
from bundles.web.directories.steps import Steps
from bundles.web.directories.upgrading import upgrading
from bundles.web.extensions.ws import WS
from rxkernel import Request, Response

_COOKIE = istr("Cookie")

Action = Callable[..., Awaitable[Any]]


def chain_action(chain: Chain, *, is_virtual: bool) -> Action:
    """Return the action of the definitions of *chain*, of a virtual path if *is_virtual*."""
    steps = Steps(chain)
    run, lazy = steps.run(), steps.lazy()
    if chain.directory.extension is WS:
        run = upgrading(run)
    has_services = bool(chain.services.parameters)
    sessions = chain.environment.sessions
    redirects = chain.redirects and not is_virtual
    pages = chain.environment.pages
    routes_with_pages = pages.routes

    async def action(request: Request, **provided: Any) -> Response:
        if redirects and (response := slash_redirect(request)) is not None:
            return response
        if request.route_name in routes_with_pages:
            page = await pages.find(request)
            if page is not None:
                return page
        if _COOKIE in request.headers:
            await sessions.prepare(request)
        client = new_client(request, chain)
        if has_services:
            client.provided = provided
        try:
            response = await run(client)
        except BaseException:
            request.attributes[CLIENT] = client
            if client.page_run is not None:
                client.page_run.release()
            raise
        if client.page_run is not None:
            client.page_run.finish(response)
        if lazy is not None:
            request.after_sending(partial(lazy, client))
        return response

    return with_signature(action, chain)
