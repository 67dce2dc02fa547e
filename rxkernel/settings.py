"""The settings of an application, as frozen attrs classes; this module reads no source.

A constructor raises a `ValueError` with the allowed values. `settings_sources` reads files,
environment and command line, and raises one `ConfigurationError` for all invalid settings, each
with its source.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any

import attrs

from rxkernel.headers import TOKEN
from rxkernel.host_names import HOST_PATTERN
from rxkernel.host_patterns import is_host_pattern
from rxkernel.namespaces import is_namespace
from rxkernel.networks import is_network

_PREFIX = re.compile(r"(/[^/\s?#{}]+)*")
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_HEADERS_IN_USE = frozenset(
    (
        *("accept", "age", "allow", "authorization", "cache-control", "connection", "cookie"),
        *("content-disposition", "content-encoding", "content-language", "content-length"),
        *("content-location", "content-range", "content-security-policy", "content-type"),
        *("date", "etag", "expect", "expires", "forwarded", "host", "if-match", "if-none-match"),
        *("keep-alive", "last-modified", "link", "location", "origin", "range", "referer"),
        *("refresh", "retry-after", "server", "set-cookie", "strict-transport-security", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via"),
        *("www-authenticate", "x-content-type-options", "x-forwarded-for", "x-forwarded-host"),
        *("x-forwarded-proto", "x-frame-options"),
    )
)
"""Headers that have another meaning, so they cannot contain a request id; in lower case."""

DEFAULT_PORTS = {"http": 80, "https": 443}
_LEVELS = tuple(logging.getLevelNamesMapping())


@attrs.frozen
class Allowed:
    """An attrs validator for one setting. Settings of bundles can use it, too.

    *text* completes "must be …". It does not quote the value, which may be a secret. *test* is
    called for instances of *kinds* only. A ``bool`` is not a number here. ``None`` is valid if
    `NoneType` is in *kinds*. The error for a number quotes the value.
    """

    text: str
    kinds: tuple[type, ...]
    test: Callable[[Any], object] = lambda _: True

    def holds(self, value: object) -> bool:
        if value is None or isinstance(value, bool):
            return type(value) in self.kinds
        return isinstance(value, self.kinds) and bool(self.test(value))

    def or_none(self) -> "Allowed":
        """Return a rule that allows None, too."""
        return Allowed(f"{self.text}, or none", (*self.kinds, NoneType), self.test)

    def __call__(self, instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not self.holds(value):
            is_number = not {*self.kinds} - {int, float, NoneType}
            found = f"; it is {value!r:.100}" if is_number else ""
            raise ValueError(f"{attribute.name} must be {self.text}{found}")


def whole_number(least: int, *, unit: str = "") -> Allowed:
    """Allow whole numbers from *least* on; *unit*, such as ``bytes``, is a part of the error."""
    text = f"a whole number, {least} or more"
    return Allowed(f"{unit}, {text}" if unit else text, (int,), lambda value: value >= least)


def seconds_between(least: float, most: float) -> Allowed:
    """Allow seconds from *least* to *most*, with fractions."""
    return Allowed(
        f"seconds, {least:g} to {most:g}", (int, float), lambda value: least <= value <= most
    )


COUNT = whole_number(1)
"""A validator for a number of things: a whole number, 1 or more."""

COUNT_OR_0 = whole_number(0)
"""As `COUNT`, or 0."""

SIZE = whole_number(1, unit="bytes")
"""A validator for bytes: a whole number, 1 or more."""

SIZE_OR_0 = whole_number(0, unit="bytes")
"""As `SIZE`, or 0."""

SECONDS = Allowed(
    "seconds, more than 0", (int, float), lambda value: 0 < value <= sys.float_info.max
)
"""A validator for a duration: seconds, more than 0, with fractions, finite."""

SECONDS_OR_0 = Allowed(
    "seconds, 0 or more", (int, float), lambda value: 0 <= value <= sys.float_info.max
)
"""As `SECONDS`, or 0."""

SWITCH = Allowed("true or false", (bool,))
"""A validator for a bool: 1 and texts are not allowed."""

TEXT = Allowed("a text, 1 character or more", (str,), len)
"""A validator for a text that is not empty."""

FILE = Allowed("the path of a file", (Path,), lambda path: path.name and "\0" not in str(path))
"""A validator for the path of a file. ``Path("")`` is a folder."""


def _read_only(table: Any) -> Any:
    return MappingProxyType(dict(table)) if isinstance(table, Mapping) else table


def _none_of_text(value: str | None) -> str | None:
    return None if value == "none" else value


_RATE = Allowed("a number, more than 0", (int, float), SECONDS.test)
_PORT = Allowed("a port, 0 to 65535 (0: a free one)", (int,), lambda port: 0 <= port <= 65535)
_HOST = Allowed("a host name or an IP address", (str,), lambda host: host and not host.isspace())


_PEM_FILE = Allowed(
    "the path of a PEM file", (Path,), lambda path: not {"\n", "\0"} & {*str(path)}
)
"""A line break shows that a key was written in place of its path."""


@attrs.frozen(kw_only=True)
class CertificateFiles:
    """A certificate of the server, and its key."""

    certificate: Path = attrs.field(validator=_PEM_FILE)
    """PEM file with the certificate, then those of its issuers except the root."""

    key: Path = attrs.field(validator=_PEM_FILE, repr=False)
    """PEM file with the private key, without a password."""


def _are_hosts(hosts: Mapping[Any, Any]) -> bool:
    return all(
        isinstance(host, str)
        and HOST_PATTERN.fullmatch(host)
        and isinstance(files, CertificateFiles)
        for host, files in hosts.items()
    )


@attrs.frozen(kw_only=True)
class TlsSettings:
    """Settings of TLS, for the HTTP server and a port of Socket.IO."""

    certificate: Path = attrs.field(validator=_PEM_FILE)
    """As in `CertificateFiles`; for host names that *hosts* does not have."""

    key: Path = attrs.field(validator=_PEM_FILE, repr=False)
    """As in `CertificateFiles`."""

    hosts: Mapping[str, CertificateFiles] = attrs.field(
        factory=dict,
        converter=_read_only,
        validator=Allowed(
            'a table of host names like "example.org" or "*.example.org", each with a certificate '
            "and a key",
            (Mapping,),
            _are_hosts,
        ),
    )
    """The certificate for each host name that a client sends (SNI)."""

    redirect_port: int | None = attrs.field(
        default=None,
        validator=Allowed(
            "a port, 1 to 65535, or none", (int, NoneType), lambda port: 1 <= port <= 65535
        ),
    )
    """TCP port for plain HTTP, where each request is redirected to ``https`` with 308."""

    @property
    def files(self) -> CertificateFiles:
        """The files for host names that *hosts* does not have."""
        return CertificateFiles(certificate=self.certificate, key=self.key)


@attrs.frozen(kw_only=True)
class HttpSettings:
    """Settings of the HTTP server."""

    host: str = attrs.field(default="127.0.0.1", validator=_HOST)
    """Address to listen on; ``0.0.0.0`` means every IPv4 interface."""

    port: int = attrs.field(default=8000, validator=_PORT)
    """TCP port; 0 selects a free one, which the server has as ``port`` after its start."""

    reuse_port: bool = attrs.field(default=False, validator=SWITCH)
    """Whether other processes may listen on the port, too (``SO_REUSEPORT``). Each of them gets a
    share of the connections. ``serve --workers`` sets it, also where the supervisor accepts the
    connections: then it means only that there are other processes."""

    tls: TlsSettings | None = attrs.field(
        default=None,
        validator=Allowed("a TlsSettings, or none", (TlsSettings, NoneType)),
    )
    """If given, the port is for ``https``, not for ``http``."""

    prefix: str = attrs.field(
        default="",
        validator=Allowed(
            'empty or a path like "/api", without a slash at its end', (str,), _PREFIX.fullmatch
        ),
    )
    """Path prefix of every route."""

    body_limit: int = attrs.field(default=1_048_576, validator=SIZE)
    """Largest request body that is held in memory, in bytes; a larger one gets 413."""

    upload_limit: int = attrs.field(default=104_857_600, validator=SIZE)
    """Largest body of a route with files or a stream, in bytes."""

    file_limit: int = attrs.field(default=33_554_432, validator=SIZE)
    """Largest file of one form, in bytes."""

    form_fields_limit: int = attrs.field(default=1000, validator=COUNT)
    """Most fields in one form."""

    max_line_size: int = attrs.field(default=8190, validator=SIZE)
    """Longest request target, in bytes; a longer one gets 414."""

    max_field_size: int = attrs.field(default=8190, validator=SIZE)
    """Longest header of a request, name and value together, in bytes; a longer one gets 431."""

    max_headers: int = attrs.field(default=128, validator=COUNT)
    """Most headers of one request; more get 431."""

    header_timeout: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds in which a client must send the request line and the headers."""

    body_timeout: float = attrs.field(default=20.0, validator=SECONDS)
    """Seconds in which a body must be received, plus one for every ``min_body_rate`` bytes."""

    min_body_rate: int = attrs.field(default=500, validator=COUNT)
    """Lowest rate of a body, in bytes per second, after ``body_timeout``."""

    send_timeout: float = attrs.field(default=30.0, validator=SECONDS)
    """Seconds without progress while a response is sent; then the connection is closed."""

    keepalive_timeout: float = attrs.field(default=75.0, validator=SECONDS_OR_0)
    """Seconds that an idle connection is kept open."""

    max_connections: int = attrs.field(default=20_000, validator=COUNT)
    """Most connections in total; another one gets 503 and is closed."""

    max_connections_per_address: int = attrs.field(default=2_000, validator=COUNT)
    """Most connections from one address; another one gets 429 and is closed. Trusted proxies
    are not counted."""

    fast_path: bool = attrs.field(default=True, validator=SWITCH)
    """Whether requests bypass aiohttp's handler if possible; the responses are the same."""

    origins: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of origins like "https://example.org" or "https://*.example.org" (no path), '
            'or "*"',
            (tuple,),
            lambda origins: all(map(_is_origin, origins)),
        ),
    )
    """Origins whose pages may call this server (CORS). ``https://*.example.org`` accepts every
    subdomain, but not ``https://example.org``; ``*`` accepts every origin."""

    allow_credentials: bool = attrs.field(default=False, validator=SWITCH)
    """Whether pages of ``origins`` may send cookies; never with ``*``."""

    exposed_headers: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of names of headers like "X-Total"',
            (tuple,),
            lambda names: all(isinstance(n, str) and re.fullmatch(TOKEN, n) for n in names),
        ),
    )
    """Response headers that pages of ``origins`` may read, besides ``request_id_header``."""

    preflight_max_age: int = attrs.field(
        default=600,
        validator=whole_number(0, unit="seconds"),
    )
    """Seconds that a browser may store the response to a preflight of CORS."""

    trusted_proxies: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of IP addresses or networks like "10.0.0.0/8"',
            (tuple,),
            lambda proxies: all(map(is_network, proxies)),
        ),
    )
    """Peers whose ``X-Forwarded-For``, ``-Host`` and ``-Proto`` are trusted."""

    allowed_hosts: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of host names like "example.org", "*.example.org" or "example.org:8080", '
            'addresses like "192.0.2.1" or "[2001:db8::1]", or "*"',
            (tuple,),
            lambda hosts: all(map(is_host_pattern, hosts)),
        ),
    )
    """Accepted hosts; a request for another one gets ``unknown_host``. An entry with a port is for
    this port only. Empty, or ``*``, accepts every host. Of applications that share a port, each
    gets the requests for its own hosts."""

    unknown_host: int = attrs.field(
        default=421,
        validator=Allowed("421 or 404", (int,), lambda status: status in (421, 404)),
    )
    """Status of the response to a request for another host than ``allowed_hosts``."""

    security_headers: bool = attrs.field(default=False, validator=SWITCH)
    """Whether responses have headers against MIME sniffing, framing and referrers."""

    compression: bool = attrs.field(default=False, validator=SWITCH)
    """Whether responses are compressed for clients that accept it."""

    compression_minimum: int = attrs.field(default=1024, validator=SIZE)
    """Smallest response to compress, in bytes."""

    def __attrs_post_init__(self) -> None:
        if self.allow_credentials and "*" in self.origins:
            raise ValueError(
                'allow_credentials must be false while origins has "*": any site could act with '
                "the cookies of its visitors; list the allowed origins"
            )
        if self.tls is not None and self.tls.redirect_port == self.port:
            raise ValueError(
                f"tls.redirect_port must differ from port, but both are {self.port}; "
                "write the port of plain HTTP, usually 80"
            )

    @property
    def scheme(self) -> str:
        """The scheme of the port: ``https`` with *tls*, or ``http``."""
        return "http" if self.tls is None else "https"

    @property
    def own_scheme(self) -> str | None:
        """As `scheme`; None without *tls*: a proxy may terminate TLS."""
        return None if self.tls is None else "https"


PORT_SETTINGS = frozenset(
    (
        *("host", "port", "reuse_port", "tls", "trusted_proxies", "unknown_host", "fast_path"),
        *("max_line_size", "max_field_size", "max_headers", "header_timeout", "send_timeout"),
        *("keepalive_timeout", "max_connections", "max_connections_per_address"),
    )
)
"""Those of `HttpSettings` that are the same for all applications that share a port."""


def canonical_origin(text: str) -> str | None:
    """Return *text* as browsers write an origin (RFC 6454 §6.2): lower case, no default port.

    None if it is not an origin: ``null``, a URL with a path, a wildcard, or a host that is not
    ASCII.
    """
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return None
    origin, port = f"{found['scheme']}://{found['host']}".lower(), int(found["port"] or -1)
    if port in (-1, DEFAULT_PORTS.get(found["scheme"].lower())):
        return origin
    return f"{origin}:{port}" if port <= 65535 else None


def wildcard_origin(text: str) -> tuple[str, str] | None:
    """Return ``https://`` and ``.example.org`` for ``https://*.example.org``; None for others."""
    origin = canonical_origin(text.replace("://*.", "://", 1))
    if origin is None or "://*." not in text:
        return None
    scheme, host = origin.split("://")
    return f"{scheme}://", f".{host}"


def _is_origin(origin: object) -> bool:
    return isinstance(origin, str) and (
        origin == "*"
        or canonical_origin(origin) is not None
        or wildcard_origin(origin) is not None
    )


@attrs.frozen(kw_only=True)
class SocketioSettings:
    """Settings of the Socket.IO server."""

    enabled: bool = attrs.field(default=True, validator=SWITCH)
    """Whether Socket.IO is served at all."""

    path: str = attrs.field(
        default="/socket.io",
        validator=Allowed(
            'a path like "/socket.io", without a slash at its end',
            (str,),
            lambda path: path and _PREFIX.fullmatch(path),
        ),
    )
    """Path of all Socket.IO requests."""

    host: str | None = attrs.field(default=None, validator=_HOST.or_none())
    """Address to listen on; it needs *port*. ``None``: that of the HTTP server."""

    port: int | None = attrs.field(default=None, validator=_PORT.or_none())
    """Separate TCP port, 0 for a free one; ``None`` shares the port of the HTTP server."""

    namespaces: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of namespaces like "/news"',
            (tuple,),
            lambda names: all(map(is_namespace, names)),
        ),
    )
    """Further namespaces, besides ``/`` and those of events."""

    transports: tuple[str, ...] = attrs.field(
        default=("polling", "websocket"),
        validator=Allowed(
            'a list with "polling", "websocket", or both',
            (tuple,),
            lambda names: names and all(name in ("polling", "websocket") for name in names),
        ),
    )
    """The transports that clients may use."""

    cookie: str | None = attrs.field(
        default=None,
        validator=Allowed(
            'a name like "io", or none', (str, NoneType), lambda name: re.fullmatch(TOKEN, name)
        ),
    )
    """Name of a cookie with the id of the Engine.IO session, for proxies that route by it."""

    ping_interval: float = attrs.field(default=25.0, validator=SECONDS)
    """Seconds between two pings to a socket."""

    ping_timeout: float = attrs.field(default=20.0, validator=SECONDS)
    """Seconds in which a client must respond to a ping."""

    connect_timeout: float = attrs.field(default=45.0, validator=SECONDS)
    """Seconds until a client must have connected to a namespace."""

    max_payload: int = attrs.field(default=1_000_000, validator=SIZE)
    """Largest message with its attachments, in bytes; a larger one closes the connection."""

    max_attachments: int = attrs.field(default=10, validator=COUNT)
    """Most binary attachments of one message; more close the connection."""

    max_namespaces: int = attrs.field(default=32, validator=COUNT)
    """Most namespaces of one client; another one is rejected."""

    max_sessions: int = attrs.field(default=10_000, validator=COUNT)
    """Most clients in total; another one gets 503."""

    max_sessions_per_address: int = attrs.field(default=1_000, validator=COUNT)
    """Most clients from one address; another one gets 429. Behind a proxy that is not in
    ``http.trusted_proxies`` all clients have one address."""

    max_rate: float = attrs.field(default=1_000.0, validator=_RATE)
    """Messages per second that are read from one client; also the size of a burst."""

    concurrency: int = attrs.field(default=32, validator=COUNT)
    """Most events of one socket that run at the same time; 1 runs them one after another."""

    max_waiting: int = attrs.field(default=64, validator=COUNT)
    """Most events of one socket in its queue; while it is full, the socket is not read."""

    stall_timeout: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds that a client may stay unread because its queue is full; then it is closed."""

    max_outbound_messages: int = attrs.field(default=1_000, validator=COUNT)
    """Most messages queued for one client; see `outbound_policy`."""

    max_outbound_bytes: int = attrs.field(default=10_000_000, validator=SIZE)
    """Most bytes queued for one client; a single message may be larger."""

    outbound_policy: str = attrs.field(
        default="disconnect",
        validator=Allowed(
            '"disconnect" or "drop_oldest"', (str,), {"disconnect", "drop_oldest"}.__contains__
        ),
    )
    """For a client that is too slow: close it, or drop its oldest events."""

    def __attrs_post_init__(self) -> None:
        if self.host is not None and self.port is None:
            raise ValueError("host has no effect without port; set port, or remove host")


@attrs.frozen(kw_only=True)
class LoggingSettings:
    """Settings of the log that the command line writes."""

    level: str = attrs.field(
        default="INFO",
        validator=Allowed("one of " + ", ".join(_LEVELS), (str,), _LEVELS.__contains__),
    )
    """Name of the lowest level that is logged."""

    format: str = attrs.field(
        default="text",
        validator=Allowed('"text" or "json"', (str,), {"text", "json"}.__contains__),
    )
    """Format of a record: a line of text, or a line with one JSON object."""

    access: bool = attrs.field(default=False, validator=SWITCH)
    """Whether every request and every socket event is logged, with one line each."""

    directory: Path | None = attrs.field(
        default=None,
        validator=Allowed("the path of a directory, or none", (Path, NoneType)),
    )
    """Directory of the log files, which are written besides stderr; None writes none."""

    keep_days: int = attrs.field(
        default=30,
        validator=Allowed("days, a whole number, 1 to 36500", (int,), lambda n: 1 <= n <= 36_500),
    )
    """Days that a log file is kept, that of today included."""


@attrs.frozen(kw_only=True)
class WorkersSettings:
    """Settings of the processes of ``serve --workers``. A process without a supervisor does not
    use them."""

    max_requests: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Requests and events that a worker handles until another process replaces it; the workers
    have different values, between 80 and 100 % of it."""

    max_memory: int | None = attrs.field(default=None, validator=SIZE.or_none())
    """Resident memory of a worker, in bytes; above it, another process replaces it."""

    ports: tuple[int, ...] = attrs.field(
        default=(),
        validator=Allowed(
            "a list of ports, 1 to 65535, each of them once",
            (tuple,),
            lambda ports: (
                all(_is_fixed_port(port) for port in ports) and len(set(ports)) == len(ports)
            ),
        ),
    )
    """TCP ports in place of ``http.port``; ``serve`` runs one worker for each."""

    balancer: int | None = attrs.field(
        default=None,
        validator=Allowed(
            "a port, 1 to 65535, or none", (int, NoneType), lambda port: _is_fixed_port(port)
        ),
    )
    """TCP port where each request is redirected to one of ``ports``, in turn; plain HTTP."""

    def __attrs_post_init__(self) -> None:
        if self.balancer is not None and not self.ports:
            raise ValueError("balancer needs ports to redirect to; list them, or remove balancer")
        if self.balancer in self.ports:
            raise ValueError(
                f"balancer must not be one of ports, but ports has {self.balancer}; write another"
            )


def _is_fixed_port(port: object) -> bool:
    return type(port) is int and 1 <= port <= 65535


APP = "app"
"""The section of the application's own settings, and the field of `Settings` that holds them."""


@attrs.frozen(kw_only=True)
class Settings:
    """All settings of one application."""

    debug: bool = attrs.field(default=False, validator=SWITCH)
    """Whether error responses and the log may show internals."""

    request_timeout: float | None = attrs.field(
        default=None,
        validator=SECONDS.or_none(),
    )
    """Seconds in which a request or socket event must be handled; then the response is 503."""

    request_id_header: str | None = attrs.field(
        default="X-Request-ID",
        converter=_none_of_text,
        validator=Allowed(
            "the name of a header that has no other meaning, or none",
            (str, NoneType),
            lambda name: re.fullmatch(TOKEN, name) and name.lower() not in _HEADERS_IN_USE,
        ),
    )
    """Header with the id of a request, also in its response. None disables it. In TOML, which does
    not have null, write ``"none"``."""

    threads: int = attrs.field(default=8, validator=COUNT)
    """Size of the thread pool for plain ``def`` actions."""

    shutdown_delay: float = attrs.field(default=0.0, validator=SECONDS_OR_0)
    """Seconds from the end of readiness until the port is closed, while the servers stop."""

    shutdown_timeout: float = attrs.field(default=10.0, validator=SECONDS_OR_0)
    """Seconds in which requests in flight must end while the servers stop."""

    health: bool = attrs.field(default=False, validator=SWITCH)
    """Whether ``/healthz`` and ``/readyz`` are served."""

    health_details: tuple[str, ...] = attrs.field(
        default=(),
        validator=Allowed(
            'a list of IP addresses or networks like "10.0.0.0/8"',
            (tuple,),
            lambda networks: all(map(is_network, networks)),
        ),
    )
    """Clients that get figures of the process and the machine from ``/readyz``. Empty: none."""

    http: HttpSettings = attrs.field(
        factory=HttpSettings, validator=Allowed("an HttpSettings", (HttpSettings,))
    )
    socketio: SocketioSettings = attrs.field(
        factory=SocketioSettings, validator=Allowed("a SocketioSettings", (SocketioSettings,))
    )
    logging: LoggingSettings = attrs.field(
        factory=LoggingSettings, validator=Allowed("a LoggingSettings", (LoggingSettings,))
    )
    workers: WorkersSettings = attrs.field(
        factory=WorkersSettings, validator=Allowed("a WorkersSettings", (WorkersSettings,))
    )

    bundles: Mapping[str, object] = attrs.field(factory=dict, converter=_read_only)
    """One settings object per bundle name; read-only."""

    app: object | None = None
    """The settings object of the application's own ``settings_class``."""
