"""What happens for a request, compiled from the handlers of its chain."""

from collections.abc import Awaitable, Callable
from typing import Any

from bundles.web.client import Client
from bundles.web.directories.chain import Chain, Stage
from bundles.web.directories.finished import Finished
from bundles.web.directories.responding import respond
from rxkernel import Request, Response, RxKernelError

Step = Callable[[Client], Awaitable[Any]]
"""Returns the result of a handler."""

Run = Callable[[Client], Awaitable[Response]]


class Steps:
    """Compiles the steps of *chain*."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        stages = (chain.request, chain.verbs, chain.end, chain.lazy)
        self._inherits = any(len(stage) > 1 for stage in stages)

    def result(self) -> Step:
        """Return what makes the result: ``request``, the verb and ``end``, which always runs once.
        It may raise `Finished`."""
        chain = self._chain
        verb = self._verb()
        end = self._step(chain.end) if chain.end else None
        if chain.request and chain.request[0].is_middleware:
            around = chain.services.middleware_of(chain.request[0])
            return _around(around, _responding(_ending(verb, end)), end)
        if chain.request:
            verb = _one_after_the_other(self._step(chain.request), verb)
        return verb if end is None else _ending(verb, end)

    def lazy(self) -> Step | None:
        """Return what is called after the response was sent."""
        return self._step(self._chain.lazy) if self._chain.lazy else None

    def _verb(self) -> Step:
        chain = self._chain
        if not chain.verbs:
            return _nothing
        if not chain.verbs[0].is_middleware:
            return self._step(chain.verbs)
        return _innermost(chain.services.middleware_of(chain.verbs[0]))

    def _step(self, stage: Stage) -> Step:
        """Return the nearest handler of *stage*, which can call those above it."""
        call = self._chain.calls[stage[0]]
        if not self._inherits:
            return call

        def step(client: Client) -> Awaitable[Any]:
            client.stage, client.level = stage, 0
            return call(client)

        return step


async def _nothing(client: Client) -> None:
    """The verb of a directory that has only a template, or the stage ``request``."""


def _one_after_the_other(first: Step, second: Step) -> Step:
    """Return what calls both; the result is that of *second*, unless it is None."""

    async def both(client: Client) -> Any:
        before = await first(client)
        result = await second(client)
        return before if result is None else result

    return both


def _ending(step: Step, end: Step | None) -> Step:
    """Return *step*, which `Finished` may end, with the stage ``end`` after it."""

    async def finishing(client: Client) -> Any:
        try:
            return await step(client)
        except Finished as finished:
            return finished.result

    if end is None:
        return finishing
    is_last = end

    async def ending(client: Client) -> Any:
        last = None
        try:
            result = await finishing(client)
        finally:
            client.has_ended = True
            last = await is_last(client)
        return result if last is None else last

    return ending


def _responding(step: Step) -> Run:
    """Return what a middleware goes on with."""

    async def responding(client: Client) -> Response:
        return await respond(client, await step(client))

    return responding


def _innermost(middleware: Callable[..., Awaitable[Any]]) -> Step:
    """Return the step of a verb that is a *middleware*, after which nothing is left to do."""

    async def step(client: Client) -> Response:
        async def go_on(request: Request) -> Response:
            return await respond(client, None)

        return _checked(client, await middleware(client, go_on))

    return step


def _around(middleware: Callable[..., Awaitable[Any]], run: Run, end: Step | None) -> Step:
    """Return what calls *middleware* around *run*; *end* is called even if it does not go on."""

    async def around(client: Client) -> Response:
        async def go_on(request: Request) -> Response:
            return await run(client)

        try:
            return _checked(client, await middleware(client, go_on))
        finally:
            if end is not None and not client.has_ended:
                await end(client)

    return around


def _checked(client: Client, response: Any) -> Response:
    if not isinstance(response, Response):
        raise RxKernelError(
            f"a middleware of {client.chain.name} returned {type(response).__name__}; return a "
            f"Response: that of await next(request), or another one"
        )
    return response
