"""Compiles the handlers of a chain to functions that are called for a request."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bundles.web.client import Client
from bundles.web.directories.chain_end import ENDED, result_of
from bundles.web.directories.handler_chain import Chain, Stage
from bundles.web.directories.responding import respond_ending
from bundles.web.directories.running_handler import run_handler
from rxkernel import Request, Response, RxKernelError

logger = logging.getLogger(__name__)

Step = Callable[[Client], Awaitable[Any]]
"""Returns the result of a handler."""

Run = Callable[[Client], Awaitable[Response]]


class ChainCompiler:
    """Compiles the steps of *chain*."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        stages = (chain.request, chain.verbs, chain.end, chain.lazy)
        self._inherits = any(len(stage) > 1 for stage in stages)

    def result(self) -> Step:
        """Return the function that returns the result. It calls ``request``, the verb and ``end``,
        which always runs once. It may raise `ENDED`."""
        chain = self._chain
        verb = self._verb()
        end = self._step(chain.end) if chain.end else None
        if chain.request and chain.request[0].is_middleware:
            around = chain.calls[chain.request[0]]
            return _around(around, _responding(_ending(verb, end)), end)
        if chain.request:
            verb = _one_after_the_other(self._step(chain.request), verb)
        return verb if end is None else _ending(verb, end)

    def lazy(self) -> Step | None:
        """Return the function that is called after the response was sent."""
        return _ending(self._step(self._chain.lazy), None) if self._chain.lazy else None

    def _verb(self) -> Step:
        chain = self._chain
        if not chain.verbs:
            return _nothing
        if not chain.verbs[0].is_middleware:
            return self._step(chain.verbs)
        return _around(chain.calls[chain.verbs[0]], _responding(_nothing), None)

    def _step(self, stage: Stage) -> Step:
        """Return the nearest handler of *stage*, which can call the handlers above it."""
        call = self._chain.calls[stage[0]]
        if not self._inherits:
            return call

        def step(client: Client) -> Awaitable[Any]:
            return run_handler(call, client, stage, 0)

        return step


async def _nothing(client: Client) -> None:
    """The verb of a directory that has only a template, or the stage ``request``."""


def _one_after_the_other(first: Step, second: Step) -> Step:
    """Return a function that calls both; the result is that of *second*, else that of *first*."""

    async def both(client: Client) -> Any:
        before = await first(client)
        result = await second(client)
        return before if result is None else result

    return both


def _ending(step: Step, end: Step | None) -> Step:
    """Return *step*, followed by the stage ``end``. `ChainEnd` ends *step* with its result."""

    async def finishing(client: Client) -> Any:
        try:
            return await step(client)
        except ENDED as ended:
            return result_of(ended)

    if end is None:
        return finishing
    is_last = end

    async def ending(client: Client) -> Any:
        try:
            result = await finishing(client)
        except BaseException:
            await _end_after_failure(client, is_last)
            raise
        client.has_ended = True
        last = await is_last(client)
        return result if last is None else last

    return ending


async def _end_after_failure(client: Client, end: Step) -> None:
    """Call *end* and ignore its result: the exception of the chain is raised. An exception of
    *end* is logged."""
    client.has_ended = True
    try:
        await _ending(end, None)(client)
    except Exception:
        logger.exception("the handler 'end' of %s failed after another error", client.chain.name)


def _responding(step: Step) -> Run:
    """Return the ``next`` of a middleware: *step* with a response as its result."""

    async def responding(client: Client) -> Response:
        try:
            result = await step(client)
        except ENDED as ended:
            result = result_of(ended)
        response = await respond_ending(client, result)
        if not isinstance(result, Response):
            client.responded = response, result
        return response

    return responding


def _around(middleware: Callable[..., Awaitable[Any]], run: Run, end: Step | None) -> Step:
    """Return a function that calls *middleware* around *run*; *end* is called even if the
    middleware does not call ``next``."""

    async def around(client: Client) -> Response:
        was_called = False

        async def call_next(request: Request) -> Response:
            nonlocal was_called
            if was_called:
                raise RxKernelError(
                    f"a middleware of {client.chain.name} called next twice; call it once, since "
                    f"the handlers run once for a request"
                )
            was_called = True
            return await run(client)

        try:
            response = _checked(client, await middleware(client, call_next))
        except BaseException:
            if end is not None and not client.has_ended:
                await _end_after_failure(client, end)
            raise
        if end is not None and not client.has_ended:
            client.has_ended = True
            await end(client)
        return response

    return around


def _checked(client: Client, response: Any) -> Response:
    if not isinstance(response, Response):
        raise RxKernelError(
            f"a middleware of {client.chain.name} returned {type(response).__name__}; return a "
            f"Response: that of await next(request), or another one"
        )
    return response
