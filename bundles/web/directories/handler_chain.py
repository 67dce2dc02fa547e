"""The chain of one directory and verb: the handlers for its requests, in their order."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import attrs

from bundles.autoload import Snapshot
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree
from bundles.web.directories.environment import Environment
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import ERROR, VERBS
from bundles.web.directories.handler_timeout import with_timeout
from bundles.web.directories.services import Call, Services

Stage = tuple[Handler, ...]
"""The handlers of one stage, the nearest directory first; ``client.inherited()`` calls the next
one."""


@attrs.define(eq=False)
class ServedSnapshot:
    """The snapshot that requests to one chain read, set whenever another one is served.

    A request may begin just after the routes of its chain were removed: it reads the last snapshot
    that had them, which stays set here.
    """

    snapshot: Snapshot = attrs.field(init=False)


@attrs.frozen(eq=False, repr=False)
class Chain:
    """The target of the definitions of one directory and verb.

    Attributes:
        verb: in lower case: ``get``.
        tree: the tree for which it was built.
        environment: the services that clients use.
        request, verbs, end, lazy, error: the handlers of each stage; empty without handlers.
        services: of all handlers.
        calls: each handler as a function of the client; a middleware also takes the rest of the
            chain.
        served: the snapshot that its requests read.
    """

    directory: Directory
    verb: str
    tree: DirectoryTree
    environment: Environment
    request: Stage
    verbs: Stage
    end: Stage
    lazy: Stage
    error: Stage
    services: Services = attrs.field(init=False)
    calls: Mapping[Handler, Call] = attrs.field(init=False)
    served: ServedSnapshot = attrs.field(factory=ServedSnapshot, init=False)

    @classmethod
    def of(
        cls, directory: Directory, verb: str, tree: DirectoryTree, environment: Environment
    ) -> Self:
        """Return the chain of *verb*; the handlers of each stage are looked up separately."""
        stages = (directory.handlers_of(each) for each in ("request", verb, "end", "lazy", ERROR))
        return cls(directory, verb, tree, environment, *stages)

    @services.default
    def _join_services(self) -> Services:
        return Services(self.handlers)

    @calls.default
    def _make_calls(self) -> Mapping[Handler, Call]:
        return {handler: self._call_of(handler) for handler in self.handlers}

    def _call_of(self, handler: Handler) -> Call:
        """Return the function of the client; for a middleware, also of the rest of the chain."""
        if handler.is_middleware:
            return self._limited(handler, self.services.middleware_of(handler))
        return self._limited(handler, self.services.call_of(handler))

    def _limited(self, handler: Handler, call: Call) -> Call:
        """Return *call* with its timeout. The timeout of the verb is enforced by the contract."""
        seconds = handler.fields.get("timeout")
        is_of_contract = handler in self.verbs[:1]
        return call if seconds is None or is_of_contract else with_timeout(call, seconds)

    @property
    def name(self) -> str:
        """The name of its definition: ``GET /a/b.json``."""
        return f"{VERBS[self.verb]} {self.directory.path or '/'}"

    @property
    def handler(self) -> Handler | None:
        """The handler of the verb; without one that of the stage ``request``, else None: a
        template responds."""
        return next(iter((*self.verbs, *self.request)), None)

    @property
    def handlers(self) -> Iterator[Handler]:
        """All handlers that may be called."""
        for stage in (self.request, self.verbs, self.end, self.lazy, self.error):
            yield from stage

    @property
    def redirects(self) -> bool:
        """Whether a URL without a slash at its end is redirected to one with it: for pages,
        including the root behind ``http.prefix``."""
        directory = self.directory
        is_page = directory.extension.name == "html" and not directory.name.endswith(".html")
        return self.verb in ("get", "head") and is_page

    @property
    def parts(self) -> tuple[Any, ...]:
        """The objects that it depends on: as long as they are the same, it need not change."""
        access = self.tree.access_files if self.directory.access.virtual else ()
        return (*self.directory.parts, *self.tree.templates.files, *access)

    @property
    def apidocs_tag(self) -> str:
        """The group of its definitions in documents: the first folder."""
        return self.directory.path.split("/")[1] if self.directory.path else "/"

    def __repr__(self) -> str:
        return f"<chain {self.name}>"
