"""One incoming message, with the same interface over every transport."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

import attrs
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from rxkernel.exceptions import RxKernelError
from rxkernel.headers import checked_header
from rxkernel.messages.connection import ClientAddress, Connection
from rxkernel.messages.cookies import parse_cookies
from rxkernel.messages.disconnect_callbacks import NOT_NOTICED, Callback
from rxkernel.messages.input_errors import (
    MISSING_INPUT,
    ErrorEntry,
    below,
    kind_of,
    rejection,
    wrong_type,
)
from rxkernel.messages.param_type import ParamType, param_type
from rxkernel.messages.request_id import new_request_id
from rxkernel.messages.scoped_services import (
    AfterSending,
    BeforeSending,
    ScopedServices,
    WhenEnded,
    name_of_key,
    services_of,
)
from rxkernel.messages.transport import Transport
from rxkernel.messages.upload import UploadedFile

T = TypeVar("T")

Headers = CIMultiDict[str] | CIMultiDictProxy[str]
Bag = MultiDict[Any] | MultiDictProxy[Any]

_HEADERS = (CIMultiDictProxy, CIMultiDict)
_BAGS = (MultiDict, MultiDictProxy)

_METHODS_OF_QUERIES = ("GET", "HEAD")
"""The methods of requests whose query a form with ``method="get"`` may have sent."""


class ServiceSource(Protocol):
    """The application that handles a message, as `Request.get` uses it."""

    async def get(self, request: "Request", service: type[T]) -> T:
        """Return the *service* for *request*; await or enter it first if necessary."""


class NativeSource(Protocol):
    """The access of a transport to its own request and connection."""

    def native(self) -> Any:
        """See `Request.native`; called once."""

    def when_disconnected(self, callback: Callback) -> Callback:
        """See `Request.when_disconnected`."""


async def _single_piece(raw: bytes) -> AsyncIterator[bytes]:
    if raw:
        yield raw


def _read_param(type_: ParamType, params: Bag, name: str) -> tuple[Any, ErrorEntry | None]:
    return type_.read(params[name]) if name in params else (None, MISSING_INPUT)


_TRANSPORTS = {"HTTP": Transport.HTTP, "SOCKET": Transport.SOCKET}
"""A lookup here takes a third of the time of a call of the class."""

_TAKEN = _single_piece(b"")
"""The ``source`` of a request after `Request.stream` was called."""


def _transport(given: str) -> Transport:
    return given if type(given) is Transport else _TRANSPORTS.get(given) or Transport(given)


def _headers(given: Headers | Mapping[str, str] | None) -> Headers:
    if isinstance(given, _HEADERS):
        return given
    return CIMultiDict(given or {})


class Links(Protocol):
    """Builds the URLs of an application."""

    def base_url(self, request: "Request") -> str:
        """See `Request.base_url`."""

    def path_for(self, name: str, params: Mapping[str, Any]) -> str:
        """See `Request.path_for`."""

    def url_for(self, request: "Request", name: str, params: Mapping[str, Any]) -> str:
        """See `Request.url_for`."""


@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)  # assigned on every request
class Request:
    """The message that an action receives. Every field but the transport has a default.

    Attributes:
        headers: case-insensitive; over a socket, those of its handshake.
        params: the parameters of the path, then of the query, then the form fields;
            ``params["x"]`` is the first value. Over a socket, the ``params`` of the event, whose
            values may be any JSON.
        body: decoded: JSON as Python values, a form as a mapping, text as str, else bytes;
            None if the message has no body. Undecoded bytes if the action takes ``bytes``.
        raw_body: the bytes of the body; empty over a socket, for a multipart form, and if the
            action takes a stream.
        source: the pieces that `stream` returns, set by a transport that has not read the body.
        attributes: data that listeners store for actions and for each other.
        path: the template of the route, such as ``/users/{id}``.
        url: path and query as sent; over a socket, the name of the event.
        method: as sent, so ``HEAD`` also for a GET route; None over a socket.
        controller, route_name, definition: set by the kernel when the route is known; the name
            also for a request whose body is rejected.
        token: identifies the sender; set by a listener of ``kernel.head`` that authenticates the
            message. The bundle ``security`` sets a `Token` on each message.
        files: the uploads of a multipart form, by field name.
        services: the request-scoped services made for this message so far, or None.
        id: identifies this message in logs and between services: the value of the header
            ``request_id_header`` if the client sent a valid one, else a new id, created on first
            access. Setting an id that is invalid in a header raises ValueError.
        received_at: when the message was received, by `time.perf_counter`; 0.0 until
            `Kernel.begin`.
        native: the request object of the transport (``aiohttp.web.Request``), created on first
            access by the ``native_source`` that a transport has set; None in tests.
        body_loader: set by a transport that has not read the body: reads and decodes the body
            into this request. The kernel sets the field to None and awaits the loader once, after
            the head phase. If the body was not needed, the field is still set after the response.
        expects_response: False for an event without an acknowledgement.
        links, service_source: set by the kernel on a request that matches no definition.
    """

    transport: Transport = attrs.field(converter=_transport)
    headers: Headers = attrs.field(default=None, converter=_headers, repr=False)
    _params: Bag | Mapping[str, Any] | None = None
    body: Any = None
    # Pass these by name. kw_only would add a lookup per message for each that is not passed.
    raw_body: bytes = attrs.field(default=b"", repr=False)
    source: AsyncIterator[bytes] | None = attrs.field(default=None, repr=False)
    attributes: dict[str, Any] = attrs.field(factory=dict)
    path: str | None = None
    url: str = ""
    method: str | None = None
    controller: Any = attrs.field(default=None, repr=False)
    route_name: str | None = None
    definition: Any = attrs.field(default=None, repr=False)
    token: Any = attrs.field(default=None, repr=False)
    connection: Connection | None = None
    _files: MultiDict[UploadedFile] | None = attrs.field(default=None, repr=False)
    client: ClientAddress | None = None
    _native: Any = attrs.field(default=None, repr=False)
    services: ScopedServices | None = attrs.field(default=None, repr=False)
    _cookies: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    _id: str | None = attrs.field(default=None, repr=False)
    native_source: NativeSource | None = attrs.field(default=None, repr=False)
    received_at: float = attrs.field(default=0.0, repr=False)
    body_loader: Callable[[], Awaitable[None]] | None = attrs.field(default=None, repr=False)
    # Set by the kernel for requests without a definition. Defaults would slow down each request.
    links: Links = attrs.field(init=False, repr=False)
    service_source: ServiceSource = attrs.field(init=False, repr=False)
    _no_response: bool = attrs.field(init=False, repr=False)  # True, or not set; see above

    @property
    def expects_response(self) -> bool:
        return not getattr(self, "_no_response", False)

    @expects_response.setter
    def expects_response(self, given: bool) -> None:
        self._no_response = not given

    @property
    def id(self) -> str:
        if self._id is None:
            self._id = new_request_id()
        return self._id

    @id.setter
    def id(self, given: str | None) -> None:
        if given is not None:
            _, given = checked_header("id", given)
        self._id = given

    @property
    def user(self) -> Any:
        """``token.user``: the user who sent the message; None without a token."""
        return None if self.token is None else self.token.user

    @property
    def native(self) -> Any:
        if self._native is None and self.native_source is not None:
            self._native = self.native_source.native()
        return self._native

    @native.setter
    def native(self, given: Any) -> None:
        self._native = given

    @property
    def params(self) -> Bag:
        if not isinstance(self._params, _BAGS):
            self._params = MultiDict(self._params or {})
        return self._params

    @params.setter
    def params(self, given: Bag | Mapping[str, Any]) -> None:
        self._params = given

    @property
    def files(self) -> MultiDict[UploadedFile]:
        if self._files is None:
            self._files = MultiDict()
        return self._files

    @files.setter
    def files(self, given: MultiDict[UploadedFile]) -> None:
        self._files = given

    def filled_params(self, ignores: Callable[[str], bool]) -> Bag:
        """Return `params` without inputs of a form that were left empty.

        Browsers send such inputs as empty texts: in the body of a form, or in the query if it has
        ``method="get"``. So an empty text in the query of GET and HEAD, or in the fields of a
        form, counts as not sent. In the query of another method and over a socket it is a value,
        because a client wrote it: ``DELETE /logs?before=`` must not delete all.

        Args:
            ignores: whether an empty text of a parameter counts as not sent, by its name: False if
                an empty text is valid for its type.
        """
        params, body = self.params, self.body
        is_query, has_form = self.method in _METHODS_OF_QUERIES, isinstance(body, _BAGS)
        if not (is_query or has_form) or "" not in params.values():
            return params
        own: Counter[str] = Counter()  # how many values of a name precede those of the form
        if has_form and not is_query:
            own.update(name for name, _ in params.items())
            own.subtract(name for name, _ in body.items())
        found: MultiDict[Any] = MultiDict()
        for name, value in params.items():
            is_own, own[name] = own[name] > 0, own[name] - 1
            if is_own or value != "" or not ignores(name):
                found.add(name, value)
        return found

    def param(self, name: str, kind: type[T] | None = None) -> T:
        """The parameter *name* as a *kind* (default: str), on every transport.

        Text is converted as for a typed argument, so ``param("id", int)`` takes ``"7"`` from a
        query and ``7`` from a socket. *kind* is the type of one value, such as ``int | None``, not
        a set. An empty input of a form is missing, unless an empty text is valid for *kind*.

        Raises:
            UnprocessableEntityException: it is missing or invalid (422); ``errors`` has the
                entry for ``params.<name>``.
            TypeError: *kind* is not supported.
        """
        type_ = param_type(kind or str)
        value, error = _read_param(type_, self.params, name)
        if error is not None and self.params.get(name) == "":
            value, error = _read_param(type_, self.filled_params(name.__eq__), name)
        if error is not None:
            raise rejection([error.to_dict(below("params", name))])
        return cast(T, value)

    async def get(self, service: type[T]) -> T:
        """Return the *service* of the application, according to its scope. A service that has to
        be awaited or entered is opened for this message.

        Raises:
            RxKernelError: the service is not bound, it needs a connection that this message does
                not have, or no application handles this message.
        """
        return await self._source(f"get({name_of_key(service)})").get(self, service)

    async def enter(self, manager: Any) -> Any:
        """Enter the context manager *manager*, async or not, and return what it yields.

        It is exited with the exception of this message, or None, before the response is sent; for
        a stream, after it was sent. Managers are exited in reverse order.

        Raises:
            RxKernelError: it is not a context manager, or no application handles this message.
        """
        self._source("enter()")
        return await services_of(self).enter(manager)

    def inner(self, definition: Any, body: Any) -> "Request":
        """Return a request to call the action of *definition* within this message.

        It has *body*, no parameters, and the client, identity, services and attributes of this
        message; changes of its attributes do not affect this message. The caller awaits the
        action itself, so no listener runs.
        """
        services_of(self)
        return Request(
            definition.transport,
            headers=self.headers,
            body=body,
            attributes=dict(self.attributes),
            route_name=definition.name,
            definition=definition,
            token=self.token,
            connection=self.connection,
            client=self.client,
            services=self.services,
            cookies=self._cookies,
            id=self.id,
            native_source=self.native_source,
        )

    def before_sending(self, call: BeforeSending) -> None:
        """Await ``call(response)`` when this message has succeeded: after the response listeners,
        before the context managers of the message are exited and the response is sent. A function
        that is added twice is called once.

        It may change the response. It is not called for a message that fails; if it raises an
        exception, the message fails with it. A function that is added too late, by the source of
        a stream or an exception listener, is not called; an error is logged.

        Raises:
            RxKernelError: this message has no route, or it has ended.
        """
        if self.definition is None:
            raise RxKernelError("request.before_sending() needs a message with a route")
        services = services_of(self)
        if call not in services.before_sending:
            services.before_sending += (call,)

    def after_sending(self, call: AfterSending) -> None:
        """Await ``call()`` after the response was sent and the terminate listeners have run, also
        if the message has failed; its exceptions are logged.

        Context managers of the message may have been exited before. Services that ``call()``
        opens are closed when it returns or raises; context managers get its exception.

        Raises:
            RxKernelError: this message has ended.
        """
        services = services_of(self)
        services.after_sending += (call,)

    def when_ended(self, call: WhenEnded) -> None:
        """Call ``call()`` when this message has ended, also if it has failed: after the calls of
        `after_sending`, when its services are closed; its exceptions are logged. It must not
        block, since it does not run in its own task, unlike `after_sending`.

        Raises:
            RxKernelError: this message has ended.
        """
        if self.services is None:
            self.services = ScopedServices()
            self.services.when_ended = (call,)
        else:
            services_of(self).when_ended += (call,)

    def _source(self, method: str) -> ServiceSource:
        definition = self.definition
        source: ServiceSource | None = (
            getattr(self, "service_source", None)
            if definition is None
            else definition.pipeline.service_source
        )
        if source is None:
            raise RxKernelError(
                f"request.{method} needs an application that handles the request; in a test, "
                f"send it with KernelClient or await definition.handler(request)"
            )
        return source

    def when_disconnected(self, callback: Callback) -> Callback:
        """Call *callback* once if the client disconnects; return a function that removes it.

        Remove it before the message ends. It is called in the event loop, immediately if the
        client has disconnected already. Some transports of bundles do not detect a disconnect;
        they never call it.
        """
        if self.connection is not None:
            return self.connection.when_disconnected(callback)
        if self.native_source is not None:
            return self.native_source.when_disconnected(callback)
        return NOT_NOTICED

    def stream(self) -> AsyncIterator[bytes]:
        """Return the body in pieces, once. For an action that takes ``AsyncIterator[bytes]`` the
        pieces are read from the client while it iterates; for any other action the body has been
        read already. Over a socket, the body must be binary.

        Reading raises for a body that is too large (413), too slow (408), incomplete or badly
        encoded (400).

        Raises:
            RuntimeError: `stream` was called before, or the body was read as a form.
            UnprocessableEntityException: over a socket, the body is not binary (422).
        """
        source, self.source = self.source, _TAKEN
        if source is _TAKEN:
            raise RuntimeError("stream() can be called only once")
        return _single_piece(self._bytes()) if source is None else source

    def _bytes(self) -> bytes:
        if self.raw_body or self.body is None:
            return self.raw_body
        if isinstance(self.body, bytes):
            return self.body
        if self.transport is not Transport.HTTP:
            raise rejection([wrong_type("bytes", kind_of(self.body)).to_dict("body")])
        raise RuntimeError("the body was read as a form; use request.body and request.files")

    @property
    def base_url(self) -> str:
        """Scheme, host and prefix of the application as the client sees them.

        ``https://example.com/api``, without a slash at its end. Behind a trusted proxy, scheme
        and host are those of its headers. Without a valid ``Host`` it is ``http://localhost``. A
        client may send any host unless ``http.allowed_hosts`` is set.

        Raises:
            RxKernelError: no application handles this request.
        """
        return self._application_links().base_url(self)

    def url_for(self, name: str, /, **params: object) -> str:
        """The absolute URL of the HTTP route *name*, on `base_url`.

        The *params* that its path does not have become the query: a list repeats its name for
        each value, None is omitted. The URL of a route for one host has this host.

        Raises:
            KeyError: no route has this name; the message has the most similar name.
            ValueError: a parameter of the path is missing or invalid, another one cannot be
                written as text, or the route is for ``*.example.com`` and this request is not.
            RxKernelError: no application handles this request.
        """
        return self._application_links().url_for(self, name, params)

    def path_for(self, name: str, /, **params: object) -> str:
        """As `url_for`, without scheme and host: for links and redirects within one site."""
        return self._application_links().path_for(name, params)

    def _application_links(self) -> Links:
        definition = self.definition
        links: Links | None = (
            getattr(self, "links", None) if definition is None else definition.pipeline.links
        )
        if links is None:
            raise RxKernelError(
                "this request has no URLs: no application handles it; call an action through "
                "KernelClient or definition.handler(request)"
            )
        return links

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies of the ``Cookie`` headers (RFC 6265), read on first access."""
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.getall("Cookie", ())))
        return self._cookies


_new = object.__new__


def received_request(
    transport: Transport,
    headers: CIMultiDictProxy[str],
    method: str | None,
    url: str,
    client: ClientAddress | None,
) -> Request:
    """Return ``Request(transport, headers)`` with the other fields set, for servers.

    Called for every message: assigning the fields takes half the time of the constructor.
    """
    request = _new(Request)
    request.transport = transport
    request.headers = headers
    request.method = method
    request.url = url
    request.client = client
    request.raw_body = b""
    request.attributes = {}
    request.received_at = 0.0
    request._params = request._files = request._native = request._cookies = request._id = None
    request.body = request.source = request.path = request.controller = None
    request.route_name = request.definition = request.token = request.connection = None
    request.services = request.native_source = request.body_loader = None
    return request
