"""Paths at which a callable of a bundle responds to POST, for protocols that name the definition
in the body."""

from collections.abc import Awaitable, Callable, Mapping

import attrs

from rxkernel.kernel.errors import to_failure
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router

Respond = Callable[[Request, bytes], Awaitable[Response]]
"""The callable of a bundle for a path; gets the whole body, decompressed."""

Fail = Callable[[Request, Exception], Awaitable[Response]]
"""Returns the response to an exception, like `Kernel.fail`."""

_POST = "POST"

POST_METHODS = ("OPTIONS", _POST)
"""The methods of the path of a handler, for ``Allow``."""


@attrs.frozen(eq=False)
class PostHandler:
    """A path, and its callables; *fail* is by default `Kernel.fail`."""

    path: str
    respond: Respond
    fail: Fail | None = None

    async def handle(
        self, kernel: Kernel, request: Request, load_body: Callable[[], Awaitable[None]] | None
    ) -> Response:
        """Read the whole body, and return the response of `respond`, or of `fail` to an exception.

        Raises:
            asyncio.CancelledError: the caller's own task has been cancelled.
        """
        request.path = request.route_name = self.path
        try:
            if load_body is not None:
                await load_body()
            return await self.respond(request, request.raw_body)
        except BaseException as exc:
            failure = to_failure(exc)
        if self.fail is not None:
            try:
                return await self.fail(request, failure)
            except BaseException as exc:
                failure = to_failure(exc)
        return await kernel.fail(request, failure)


class PostHandlers:
    """The handlers of one server.

    Attributes:
        all: in the order in which they were added.
    """

    def __init__(self) -> None:
        self.all: list[PostHandler] = []
        self._router: Router[PostHandler] = Router()

    def add(self, path: str, respond: Respond, fail: Fail | None = None) -> None:
        """Add the callables for *path*, which is literal."""
        handler = PostHandler(path, respond, fail)
        self._router.add(_POST, PathTemplate.parse(path), handler, path)
        self.all.append(handler)

    def find(self, raw_path: str) -> PostHandler | None:
        """Return the handler of *raw_path*, a path as for `Router.find`.

        Raises:
            BadRequestException: see `Router.find`.
        """
        found = self._router.find(_POST, raw_path)
        return None if found is None else found[0]

    def by_target(self) -> Mapping[str, PostHandler]:
        """Return the handlers, by target of requests that need no decoding."""
        return self._router.static_targets().get(_POST, {})
