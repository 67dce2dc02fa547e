"""The setting ``gateway.nats_url``: servers of NATS with their credentials."""

from urllib.parse import unquote, urlsplit

import attrs

_PORT = 4222
_SCHEMES = ("nats", "tls")


@attrs.frozen
class NatsServerUrl:
    """One server. A *user* without *password* is a token, as for the clients of NATS."""

    scheme: str
    host: str
    port: int
    user: str | None = attrs.field(repr=False)
    password: str | None = attrs.field(repr=False)

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "tls"

    @property
    def place(self) -> str:
        """The URL without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_nats_urls(text: str) -> list[NatsServerUrl]:
    """Parse URLs that are separated by commas.

    Raises:
        ValueError: a URL has another form. The message does not contain the text, which may have
            a password.
    """
    return [_parse(part.strip()) for part in text.split(",")]


def _parse(text: str) -> NatsServerUrl:
    if not text.isprintable() or " " in text:
        raise ValueError("a URL has no spaces")
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES:
        raise ValueError("the scheme of a URL of NATS is nats or tls")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("a URL of NATS has a host, a port and nothing after them")
    return NatsServerUrl(
        parts.scheme,
        parts.hostname,
        _PORT if parts.port is None else parts.port,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )
