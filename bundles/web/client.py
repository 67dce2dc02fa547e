"""`Client`: the request, as handlers see it."""

from collections.abc import Awaitable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from multidict import MultiDict

from bundles.autoload import Autoload, SnapshotUse
from bundles.contracts import arguments_of, fields_of, params_of
from bundles.sessions import Session
from bundles.sessions.addresses import address_of
from bundles.web.channels.socket_feed import SocketFeed
from bundles.web.client_context import ClientContext
from bundles.web.client_hints import hint_for
from bundles.web.directories.chain_end import ChainEnd
from bundles.web.directories.directory import Directory
from bundles.web.directories.handler_chain import Chain, Stage
from bundles.web.directories.running_handler import handlers_above, run_handler
from bundles.web.files.stored_file import StoredFile
from bundles.web.http_errors import http_error
from bundles.web.page_cache.lifetime import seconds_of
from bundles.web.page_cache.page_run import PageRun
from bundles.web.redirects import redirect
from rxkernel import (
    Request,
    Response,
    RxKernelError,
    UploadedFile,
    WebSocket,
)

VIRTUAL_PATH = "web.path"
"""The attribute of a request for the rest of a virtual path."""


class Client(SnapshotUse):
    """The argument of handlers; all handlers of one request get the same one.

    The values are class attributes until they are set or read, so that creating a client is fast.

    Attributes:
        request: the message of the kernel.
        chain: the handlers for the request.
        status: the status of the response, if a handler has set it.
        exception: the error of the request, for the handler ``error``.
        websocket: in a directory ``.ws``. If the handler returns without accepting it, the
            response is 403, or the response of the handler.
        feed: sends the events of channels to *websocket*.
        subscriptions: the channels of `subscribe`, in a directory ``.sse``.
        provided: the services of the handlers, by name.
        has_ended: whether the stage ``end`` has begun.
        page_run: keeps the response, if `cache` was called.
        responded: the response that a middleware got from ``next``, and the result in it.
        sent_headers: `headers`; None if no handler has read them.
    """

    request: Request
    chain: Chain
    status: int | None = None
    exception: Exception | None = None
    websocket: WebSocket | None = None
    feed: SocketFeed | None = None
    subscriptions: tuple[str, ...] = ()
    provided: Mapping[str, Any] = MappingProxyType({})
    has_ended: bool = False
    page_run: PageRun | None = None
    responded: tuple[Response, Any] | None = None
    sent_headers: dict[str, str] | None = None
    _context: ClientContext | None = None
    _parameters: dict[str, Any] | None = None

    if not TYPE_CHECKING:  # type checkers know all attributes

        def __getattr__(self, name: str) -> Any:
            """Called for a missing attribute, or if that of a property raises AttributeError."""
            try:
                return object.__getattribute__(self, name)
            except AttributeError as exc:
                if exc.obj is not self or exc.name != name or name.startswith("_"):
                    raise
                public = [each for each in dir(type(self)) if not each.startswith("_")]
                hint = hint_for(name, public)
                if hint is None:
                    raise
                raise AttributeError(f"{exc}; {hint}") from None

    @property
    def runtime(self) -> Autoload:
        """The runtime that has the snapshots of the application."""
        return self.chain.environment.autoload()

    @property
    def context(self) -> ClientContext:
        """``context.data`` is a dict that all handlers of the request share."""
        if self._context is None:
            self._context = ClientContext()
        return self._context

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response, which handlers may set."""
        if self.sent_headers is None:
            self.sent_headers = {}
        return self.sent_headers

    @property
    def parameters(self) -> dict[str, Any]:
        """The query and the fields of the body, checked if the handler has ``meta`` or
        ``parameters``. A name that was sent several times is a list."""
        if self._parameters is None:
            found = arguments_of(self.request)
            self._parameters = found if isinstance(found, dict) else self.query
        return self._parameters

    @property
    def query(self) -> dict[str, Any]:
        """The parameters of the URL, as str; a name that was sent several times is a list."""
        return params_of(self.request)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the body, of a form or of a JSON object."""
        return fields_of(self.request)

    @property
    def files(self) -> MultiDict[UploadedFile]:
        """The uploads of a form, by the names of their fields."""
        return self.request.files

    @property
    def user(self) -> Any:
        """The user who sent the request; None for a guest."""
        return self.request.user

    @property
    def token(self) -> Any:
        return self.request.token

    @property
    def groups(self) -> frozenset[str]:
        """The roles of the user, and all that they contain."""
        token = self.request.token
        return frozenset() if token is None else token.roles

    @property
    def application(self) -> Any:
        """The running application, with ``settings`` and ``injector``."""
        return self.chain.environment.application

    @property
    def directory(self) -> Directory:
        """The directory of the URL."""
        return self.chain.directory

    @property
    def path(self) -> str:
        """The rest of the path, with ``access.virtual``; else empty."""
        path: str = self.request.attributes.get(VIRTUAL_PATH, "")
        return path

    def inherited(self) -> Awaitable[Any]:
        """Call the handler of this stage in the next directory above that has one, and return its
        data: ``await client.inherited()``. None if no directory above has one. Several calls may
        run at the same time."""
        return self._inherited(*handlers_above(self))

    async def _inherited(self, stage: Stage, level: int) -> Any:
        if level >= len(stage):
            return None
        handler = stage[level]
        if handler.is_middleware:
            raise RxKernelError(
                f"the handler {handler.key} is a middleware, which await client.inherited() "
                f"cannot call; make it a handler"
            )
        return await run_handler(self.chain.calls[handler], self, stage, level)

    def end(self, data: Any = None, status: int | None = None) -> NoReturn:
        """Respond with *data*. Of the further handlers, only ``end`` is called."""
        raise ChainEnd(data if status is None else (data, status))

    def error(self, status: int, message: str | None = None) -> NoReturn:
        """Respond with the error *status*: raise the exception of the kernel for it.

        Raises:
            HttpException: always.
            ValueError: *status* is not from 400 to 599.
        """
        raise http_error(status, message)

    def redirect(self, url: str, status: int = 302, *, hosts: Collection[str] = ()) -> NoReturn:
        """Redirect to *url* on this site, or on one of *hosts*, see `RedirectResponse`. Of the
        further handlers, only ``end`` is called. A path such as ``/login/`` is sent with
        ``http.prefix`` before it, unless it begins with the prefix already.

        Raises:
            BadRequestException: *url* is another target, and was sent by the visitor (400).
            RxKernelError: *url* is another target, and was not sent by the visitor.
        """
        sent = (self.query, self.fields)
        prefix = self.application.settings.http.prefix
        raise ChainEnd(redirect(self.request, sent, url, status, hosts, prefix))

    @property
    def session(self) -> Session:
        """The session of the browser, a mapping. It is created when the first value is stored."""
        return self.chain.environment.sessions.session_of(self.request)

    async def sign_in(self, user: Any) -> None:
        """Log *user* in, who was authenticated before: ``await client.sign_in(user)``; in a
        directory ``.ws`` before the WebSocket is accepted. See `ClientSessions.sign_in`.

        Raises:
            RxKernelError: the WebSocket is accepted already, so no cookie can be sent.
        """
        if self.websocket is not None and self.websocket.is_accepted:
            raise RxKernelError(
                f"client.sign_in() was called in {self.chain.name} after the handshake, which "
                f"sends the cookie; call await client.sign_in(user) before await "
                f"client.websocket.accept()"
            )
        await self.chain.environment.sessions.sign_in(self.request, user)
        if self.feed is not None:
            self.feed.identity_changed()

    def sign_out(self) -> Awaitable[bool]:
        """Log the user out; return False if the session has no user. The values that the session
        had before `sign_in`, and that have not changed since, stay. See
        `ClientSessions.sign_out`."""
        return self.chain.environment.sessions.sign_out(self.request)

    def download(self, path: str, name: str | None = None) -> NoReturn:
        """Respond with an upload, which the browser saves as *name*. Of the further handlers, only
        ``end`` is called.

        *path* is the path of its `StoredFile`; it may come from a client.

        Raises:
            NotFoundException: *path* is not a file below the folder of uploads (404).
            ValueError: *name* has a path or a control character.
        """
        raise ChainEnd(self.chain.environment.uploads.download(path, name))

    async def upload(self) -> list[StoredFile]:
        """Store the files of the form, and return their records, see `Uploads.store`. They are
        removed if the message fails later, or is cancelled.

        Raises:
            UnsupportedMediaTypeException: a type is not in ``web.upload_types`` (415).
            InsufficientStorageException: the disk is full (507).
        """
        uploads = self.chain.environment.uploads
        files = await uploads.store(self.request.files.items())
        if files:
            await self.request.enter(uploads.removed_on_failure(files))
        return files

    def cache(self, lifetime: float | str) -> None:
        """Keep the response for *lifetime*, seconds or a duration such as ``10m``, and send it to
        equal requests, see `page_key`. Their access is checked, but no handler is called. A second
        call replaces *lifetime*; with 0 the response is not kept. A handler that reads cookies or
        headers other than ``Accept`` and ``Accept-Language`` must set ``Vary``; one that reads the
        address of the client must set ``Vary: *``, so that nothing is kept.

        Only the response to a GET or HEAD without a body is kept, if it is not a stream, a file, a
        part of a file, or an error (4xx, 5xx), and does not set a cookie. Call it before the first
        ``await``: equal requests that arrive meanwhile wait for the response.

        Raises:
            ValueError: *lifetime* is invalid.
        """
        if self.page_run is None:
            self.page_run = self.chain.environment.pages.begin(self.request, lifetime)
        else:
            self.page_run.seconds = seconds_of(lifetime)

    def block(self, seconds: float) -> None:
        """Respond to the requests of this client's address with 403 for *seconds*, see
        `Firewall.block`; this request continues. Does nothing if the address is not known.

        Raises:
            ValueError: *seconds* is not a positive number.
        """
        address = address_of(self.request)
        if address:
            self.chain.environment.firewall.block(address, seconds)

    def subscribe(self, *channels: str) -> None:
        """Subscribe the client to *channels*. In a directory ``.sse`` their events are the
        response; in ``.ws`` they are sent from now on, as ``{"event", "data", "id"}``.

        Raises:
            RxKernelError: the WebSocket is not accepted yet, or the directory has another
                extension.
            TooManyRequestsException: there are more than ``web.channels.max_channels`` (429).
            TypeError, ValueError: a channel is not a str, or empty.
        """
        if self.feed is not None:
            self.feed.subscribe(channels)
        elif self.directory.extension.name == "sse":
            self.subscriptions += channels
        else:
            raise RxKernelError(
                f"client.subscribe() was called in {self.chain.name}, whose clients cannot "
                f"receive events; call it in a directory .sse or .ws"
            )


_new = object.__new__


def new_client(request: Request, chain: Chain) -> Client:
    """Return the client of *request*."""
    client = _new(Client)
    client.request = request
    client.chain = chain
    return client
