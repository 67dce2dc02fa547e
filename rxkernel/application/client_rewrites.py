"""Rewrites the requests of a `KernelClient`, as a server rewrites its requests."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import attrs
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from yarl import URL

from rxkernel.exceptions import NotFoundException
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.serialization import Serializer
from rxkernel.kernel.texts import texts_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.routing.metadata import METHODS
from rxkernel.servers.http.rewriting import SENT_URL, Rewrite, Rewriting


@attrs.frozen(eq=False)
class ClientHead:
    """The head of a request of a test. Implements `RequestHead`."""

    method: str
    raw_path: str
    headers: CIMultiDictProxy[str]
    version = (1, 1)
    transport = None

    @property
    def rel_url(self) -> URL:
        return Rewrite(self.raw_path).url


def path_in(name: str) -> tuple[str, str] | None:
    """Return method and path of a *name* such as ``GET /old``; None for other names."""
    method, _, path = name.partition(" ")
    return (method, path) if method in METHODS and path.startswith("/") else None


def fill_target(
    request: Request, path: str, given: Mapping[str, Any], serializer: Serializer
) -> None:
    """Set the URL of *request*: *path*, and the query *given*."""
    known = MultiDict((name, value) for name, value in given.items() if value is not None)
    texts = texts_of(known, "the parameter", serializer)
    request.url = f"{path}?{urlencode(list(texts.items()))}" if texts else path


def rewritten(
    kernel: Kernel, rewriting: Rewriting, request: Request, prefix: str
) -> HttpDefinition | None:
    """Return the definition for the rewritten target of *request*, and set its URL and parameters;
    None if the target is not rewritten.

    Raises:
        Exception: the exception of the rewriter, or that of a path without a route.
    """
    assert request.method is not None
    headers = CIMultiDictProxy(CIMultiDict(request.headers))
    rewrite = rewriting.of(ClientHead(request.method, request.url, headers))
    if rewrite is None:
        return None
    request.attributes[SENT_URL] = request.url
    request.url = rewrite.target
    head = ClientHead(request.method, rewrite.target, headers)
    route = rewrite.route or _find(kernel, head, prefix)
    if isinstance(route, Exception):
        raise route
    if not isinstance(route, tuple):
        raise NotFoundException("a KernelClient can rewrite a target only to routes of the kernel")
    definition, values = route
    request.params = MultiDict([*values.items(), *head.rel_url.query.items()])
    return definition


def _find(
    kernel: Kernel, head: ClientHead, prefix: str
) -> tuple[HttpDefinition, dict[str, Any]] | Exception:
    path = head.rel_url.raw_path
    below = path.removeprefix(prefix) or "/"
    if not path.startswith(prefix) or not below.startswith("/"):
        return NotFoundException()
    router = kernel.compiled.http_router
    return router.find(head.method, below, head) or router.error_for(head.method, below, head)
