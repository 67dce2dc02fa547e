"""URLs of the routes of the application, as the client of a request sees them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from rxkernel.host_names import canonical_host, host_matches
from rxkernel.kernel.serialization import Serializer
from rxkernel.kernel.texts import text_of, texts_of
from rxkernel.messages.request import Request
from rxkernel.nearest import nearest
from rxkernel.routing.definitions import Definitions, HttpDefinition
from rxkernel.routing.kinds import plain_text
from rxkernel.routing.path import PathTemplate


class Site(Protocol):
    """The address of the application for clients; a server reads it from their requests.

    Attributes:
        prefix: the path before every route, without a slash at its end.
    """

    @property
    def prefix(self) -> str: ...

    def origin_of(self, request: Request) -> str:
        """Return scheme, host, and the port if it is not the default of the scheme: ``https://example.com``."""

    def host_of(self, head: Any) -> str | None:
        """Return the canonical host name of a server's *head*; None without a host."""


class NoSite:
    """The site of a kernel without a server: ``http://localhost``."""

    prefix = ""

    def origin_of(self, request: Request) -> str:
        return "http://localhost"

    def host_of(self, head: Any) -> None:
        return None


class SiteLinks:
    """Builds the URLs of `Request`.

    *definitions* returns the current definitions, so that URLs are correct after a reload.
    """

    def __init__(
        self,
        site: Site,
        definitions: Callable[[], Definitions[HttpDefinition]],
        serializer: Serializer,
    ) -> None:
        self._site = site
        self._definitions = definitions
        self._serializer = serializer

    def base_url(self, request: Request) -> str:
        """See `Request.base_url`."""
        return self._site.origin_of(request) + self._site.prefix

    def path_for(self, name: str, params: Mapping[str, Any]) -> str:
        """See `Request.path_for`."""
        return self._path(self._find(name), params)

    def url_for(self, request: Request, name: str, params: Mapping[str, Any]) -> str:
        """See `Request.url_for`."""
        definition = self._find(name)
        path = self._path(definition, params)
        return _origin_for(definition, self._site.origin_of(request)) + path

    def _path(self, definition: HttpDefinition, params: Mapping[str, Any]) -> str:
        template = definition.template
        texts = path_params(template, params, self._serializer)
        path = self._site.prefix + template.format(**texts)
        others = {k: value for k, value in params.items() if k not in template.parameters}
        query = urlencode(list(texts_of(others, "the parameter", self._serializer).items()))
        return f"{path}?{query}" if query else path

    def _find(self, name: str) -> HttpDefinition:
        definitions = self._definitions()
        found = definitions.get(name)
        if found is None:
            names = tuple(definitions.keys())
            near = nearest(name, names)
            hint = f"did you mean {near!r}?" if near else f"there is: {', '.join(names) or 'none'}"
            raise KeyError(f"no HTTP route {name!r}; {hint}")
        return found


def path_params(
    template: PathTemplate, params: Mapping[str, Any], serializer: Serializer
) -> dict[str, Any]:
    """Return *params* with custom scalars encoded as texts, except for parameters with a converter
    of the application, which encodes its values itself.

    Raises:
        ValueError: see `text_of`.
    """
    kinds, found = template.parameters, dict(params)
    for name, value in params.items() if serializer.scalars else ():
        is_plain = name in kinds and kinds[name].to_text is plain_text
        if is_plain and serializer.encode_scalar(value) is not value:
            found[name] = text_of(value, f"the parameter {name!r}", serializer)
    return found


def _origin_for(definition: HttpDefinition, origin: str) -> str:
    """Return *origin*, with the host that *definition* requires.

    Raises:
        ValueError: it requires a host like ``*.example.com``, and the host of *origin* differs.
    """
    wanted = definition.metadata.constraints.host
    parts = urlsplit(origin)
    host, colon, port = parts.netloc.partition(":")
    if parts.netloc.startswith("["):
        host, bracket, port = parts.netloc.partition("]")
        host, colon, port = host + bracket, port[:1], port[1:]
    if wanted is None or host_matches(wanted, canonical_host(host) or ""):
        return origin
    if wanted.startswith("*."):
        raise ValueError(
            f"Route {definition.name!r} is for the hosts {wanted}, and this request is for "
            f"{host}: use path_for, and put the origin in front of the path."
        )
    return f"{parts.scheme}://{wanted}{colon}{port}"
