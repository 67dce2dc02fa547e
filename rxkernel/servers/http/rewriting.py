"""The seam for rules that change the target of a request before anything else reads it."""

from collections.abc import Callable, Sequence

import attrs
from yarl import URL

from rxkernel.servers.http.allowed_hosts import authority_of
from rxkernel.servers.http.pipeline import RouteResult
from rxkernel.servers.http.request_head import RequestHead

SENT_URL = "sent_url"
"""The attribute of a request whose target was rewritten: the target that the client has sent."""


@attrs.frozen(eq=False)
class Rewrite:
    """What a request is handled as.

    Attributes:
        target: path and query, percent-encoded; it begins with ``/``. All parts of the server read
            it, as if the client had sent it.
        route: what handles the request; None: it is found by *target*.
    """

    target: str
    route: RouteResult | None = None

    @property
    def url(self) -> URL:
        """*target*, as the parser reads it."""
        if self.target[:1] != "/":  # see `Rewriting.of`
            return URL(self.target, encoded=True)
        path, _, query = self.target.partition("?")
        return URL.build(path=path, query_string=query, encoded=True)


@attrs.frozen
class ListedRule:
    """A rule of a rewriter, as ``rxkernel routes`` prints it.

    Attributes:
        method: the methods, separated by commas; ``*`` for all.
        path: the paths that it is for.
        target: where it leads; empty if the path stays.
        place: where it is written.
    """

    method: str
    path: str
    target: str
    place: str


Rewriter = Callable[[RequestHead], Rewrite | None]
"""Returns what the request of a head is handled as; None: as it was sent."""


@attrs.define(eq=False)
class Rewriting:
    """The rewriter of a server, which may change while it runs. None: it costs one comparison.

    Attributes:
        is_used: whether there is one or has been one, so that a request may have its result.
    """

    rewriter: Rewriter | None = None
    listed: Sequence[ListedRule] = ()
    is_used: bool = False

    def use(self, rewriter: Rewriter | None, listed: Sequence[ListedRule]) -> None:
        """Ask *rewriter* from now on."""
        self.rewriter, self.listed = rewriter, listed
        self.is_used = self.is_used or rewriter is not None

    def of(self, head: RequestHead) -> Rewrite | None:
        """Return the result of the rewriter. If it raises, that is the error of the request.

        A target in absolute-form keeps its scheme and host, which are checked later.
        """
        if self.rewriter is None:
            return None
        try:
            rewrite = self.rewriter(head)
        except Exception as exc:
            return Rewrite(head.raw_path, exc)
        if rewrite is None or rewrite.target[:1] != "/" or not (host := authority_of(head)):
            return rewrite
        scheme = head.raw_path.partition("://")[0]
        return attrs.evolve(rewrite, target=f"{scheme}://{host}{rewrite.target}")
