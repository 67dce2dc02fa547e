"""Changes the targets of requests before anything else reads them, by the rules of a bundle."""

from collections.abc import Callable, Sequence

import attrs
from yarl import URL

from rxkernel.servers.http.allowed_hosts import authority_of
from rxkernel.servers.http.pipeline import RouteResult
from rxkernel.servers.http.request_head import RequestHead

SENT_URL = "sent_url"
"""The attribute of a rewritten request that has the target which the client has sent."""


@attrs.frozen(eq=False)
class Rewrite:
    """The new target of a request.

    Attributes:
        target: path and query, percent-encoded; it begins with ``/``. All parts of the server read
            it as if the client had sent it.
        route: the route of the request; None to find it by *target*.
    """

    target: str
    route: RouteResult | None = None

    @property
    def url(self) -> URL:
        """*target* as a URL, like the one that the parser creates."""
        if self.target[:1] != "/":  # in absolute-form, see `Rewriting.of`
            return URL(self.target, encoded=True)
        path, _, query = self.target.partition("?")
        return URL.build(path=path, query_string=query, encoded=True)


@attrs.frozen
class ListedRule:
    """A rule of a rewriter, as ``rxkernel routes`` prints it.

    Attributes:
        method: the methods, separated by commas; ``*`` for all.
        path: the paths that it applies to.
        target: the new path; empty if the path stays the same.
        place: the file and line of the rule.
    """

    method: str
    path: str
    target: str
    place: str


Rewriter = Callable[[RequestHead], Rewrite | None]
"""Returns the new target for the request with this head; None to keep the target."""


@attrs.define(eq=False)
class Rewriting:
    """The rewriter of a server, which may change while it runs. None costs one comparison.

    Attributes:
        is_used: whether a rewriter was ever set, so that a request may have its result.
    """

    rewriter: Rewriter | None = None
    listed: Sequence[ListedRule] = ()
    is_used: bool = False

    def use(self, rewriter: Rewriter | None, listed: Sequence[ListedRule]) -> None:
        """Use *rewriter* from now on."""
        self.rewriter, self.listed = rewriter, listed
        self.is_used = self.is_used or rewriter is not None

    def of(self, head: RequestHead) -> Rewrite | None:
        """Return the result of the rewriter. If it raises, its exception is the error of the
        request.

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
