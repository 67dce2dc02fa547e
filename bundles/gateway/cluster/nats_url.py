"""The setting ``gateway.nats_url``: the NATS servers with their credentials."""

from urllib.parse import unquote, urlsplit

import attrs

_PORT = 4222
_SCHEMES = ("nats", "tls")


@attrs.frozen
class NatsServerUrl:
    """One server. A *user* without a *password* is a token, as in the clients of NATS."""

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
        ValueError: a URL has a wrong form. The message does not contain it, because it may have a
            password.
    """
    return [_parse(part.strip()) for part in text.split(",")]


def _parse(text: str) -> NatsServerUrl:
    if not text.isprintable() or " " in text:
        raise ValueError("a URL must not contain spaces and control characters")
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES:
        raise ValueError("a URL of NATS must begin with nats:// or tls://")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("a URL of NATS must end with its host, or with its port")
    return NatsServerUrl(
        parts.scheme,
        parts.hostname,
        _PORT if parts.port is None else parts.port,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )
