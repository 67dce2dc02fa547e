"""The settings of the bundle."""

import re
from collections.abc import Mapping

import attrs

from bundles.security.token_settings import (
    PasswordSettings,
    RouteSettings,
    ThrottlingSettings,
    TokenSettings,
)
from rxkernel import Allowed

_TAKEN_HEADERS = frozenset(("cookie", "session"))
_TAKEN_PARAMETERS = frozenset(("EIO", "transport", "sid", "t"))
"""Parameters of Engine.IO in the handshake of a socket."""
_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]*"
"""The name of a header or a scheme (RFC 9110 §5.6.2), or empty."""


def _is_header(name: str) -> bool:
    is_name = re.fullmatch(_NAME, name)
    return bool(is_name) and name.lower() not in _TAKEN_HEADERS


_HEADER = Allowed(
    "empty, or the name of a header other than Cookie and Session", (str,), _is_header
)
_SCHEME = Allowed(
    "empty, or the name of a scheme other than Bearer, which is always read, and Basic",
    (str,),
    lambda name: bool(re.fullmatch(_NAME, name)) and name.lower() not in ("bearer", "basic"),
)
_PARAMETER = Allowed(
    "empty, or the name of a parameter other than EIO, transport, sid and t of Socket.IO",
    (str,),
    lambda name: name not in _TAKEN_PARAMETERS,
)


@attrs.frozen(kw_only=True)
class SecuritySettings:
    """The section ``[security]`` of ``rxkernel.toml``."""

    # --- rules

    roles: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """The role hierarchy, and the list of known roles: ``admin = ["editor"]``, an admin is an
    editor too; ``author = []``. If it is not empty, other roles in rules are errors at boot."""

    # --- credentials

    api_key_header: str = attrs.field(default="", validator=_HEADER)
    """The header with an API key, ``X-API-Key`` for example; empty: API keys are not accepted."""

    query_parameter: str = attrs.field(default="", validator=_PARAMETER)
    """The query parameter with an access token; empty: none is accepted. Browsers and proxies
    store URLs, so use it only where a client cannot send a header."""

    token_scheme: str = attrs.field(default="", validator=_SCHEME)
    """A scheme of ``Authorization`` with an access token besides Bearer, such as ``Token``; empty:
    Bearer only."""

    basic: bool = False
    """Whether ``Authorization: Basic`` is accepted. Each such request verifies the password."""

    csrf: bool = True
    """Whether unsafe requests of other sites are refused (403) if a session or Basic authenticates
    them."""

    # --- sockets

    socket_events: bool = True
    """Whether clients may send ``security_authenticate`` and ``security_unauthenticate``."""

    disconnect_expired: bool = True
    """Whether a socket is disconnected when its credential ends; else it becomes anonymous."""

    # --- passwords, tokens, logins

    passwords: PasswordSettings = attrs.field(factory=PasswordSettings)
    tokens: TokenSettings = attrs.field(factory=TokenSettings)
    throttling: ThrottlingSettings = attrs.field(factory=ThrottlingSettings)
    routes: RouteSettings = attrs.field(factory=RouteSettings)
