"""The routes of a tree."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

import attrs

from bundles.autoload import Snapshot
from bundles.contracts import Contract, ContractSchemas, contract
from bundles.web.access.access_options import handler_options, virtual_options
from bundles.web.directories.chain_action import chain_action
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree
from bundles.web.directories.environment import Environment
from bundles.web.directories.error_chains import error_chains
from bundles.web.directories.handler_chain import Chain
from bundles.web.directories.handler_file_names import VERBS
from bundles.web.directories.handler_files import BODY_LIMIT
from bundles.web.routes.rules import RuleSet
from rxkernel import ConfigurationError, HttpMetadata, ProcedureMetadata, RouteMetadata, options_of

VIRTUAL_PARAMETER = "web_path"
"""The parameter of the template of a virtual path; see `VIRTUAL_PATH`."""


@attrs.frozen
class _Published:
    """The routes of one chain, and the objects that they depend on."""

    chain: Chain
    parts: tuple[Any, ...]
    routes: tuple[HttpMetadata, ...]


@attrs.frozen(eq=False)
class DirectoryRoutes:
    """All routes of a tree. A chain that has not changed keeps its metadata.

    Attributes:
        files: the routes of static files. If the root has virtual paths, these serve the files.
        errors: the chains of files and unknown paths, see `error_chains`.
        rules: the rules that are applied before routing.
        events: the routes of the handlers of ``application.backend``.
    """

    snapshot: Snapshot
    tree: DirectoryTree
    files: tuple[HttpMetadata, ...]
    errors: Mapping[str, Chain]
    rules: RuleSet
    events: tuple[ProcedureMetadata, ...]
    _published: Mapping[str, _Published] = attrs.field(factory=dict)

    def __iter__(self) -> Iterator[RouteMetadata]:
        for each in self._published.values():
            yield from each.routes
        yield from self.files
        yield from self.rules.routes
        yield from self.events

    @property
    def chains(self) -> Iterator[Chain]:
        for each in self._published.values():
            yield each.chain

    def of(self, chain: Chain, snapshot: Snapshot) -> _Published | None:
        """Return the routes of the chain with the name of *chain*, if it has the same parts in
        *snapshot*."""
        found = self._published.get(chain.name)
        parts = _parts_of(chain, snapshot)
        if found is None or len(found.parts) != len(parts):
            return None
        is_same = all(a is b for a, b in zip(found.parts, parts, strict=True))
        return found if is_same else None

    @classmethod
    def build(
        cls,
        tree: DirectoryTree,
        snapshot: Snapshot,
        before: "DirectoryRoutes | None",
        environment: Environment,
        files: tuple[HttpMetadata, ...],
        rules: RuleSet,
        events: tuple[ProcedureMetadata, ...],
    ) -> Self:
        """Return the routes of *tree*; unchanged ones are taken from *before*.

        Args:
            files: the route of the static files, and the route of the index of the root.

        Raises:
            ConfigurationError: every problem.
        """
        published: dict[str, _Published] = {}
        problems: list[str] = []
        for directory in tree.directories.values():
            for verb in _verbs_of(directory):
                try:
                    chain = Chain.of(directory, verb, tree, environment)
                    found = None if before is None else before.of(chain, snapshot)
                    published[chain.name] = found or _publish(chain, snapshot)
                except ConfigurationError as error:
                    source = _source_of(directory, verb, snapshot)
                    problems += (f"{source}: {problem}" for problem in error.problems)
        if problems:
            raise ConfigurationError(*dict.fromkeys(problems))
        served: tuple[HttpMetadata, ...] = files
        if "GET /" in published:
            served = () if tree.root.access.virtual else files[:1]
        errors = error_chains(tree, environment)
        return cls(snapshot, tree, served, errors, rules, events, MappingProxyType(published))


def _verbs_of(directory: Directory) -> Iterable[str]:
    """Return the verbs of *directory*, if it has handlers or a page itself: the verbs of handlers;
    GET if there is a page; all verbs if its own stage ``request`` is the only handler."""
    if not directory.has_handlers:
        return ()
    verbs = [verb for verb in VERBS if directory.handlers_of(verb)]
    if directory.page is not None and "get" not in verbs:
        verbs.append("get")
    if (directory.access.intro or directory.access.index) and not _has_page(directory):
        verbs = [verb for verb in verbs if verb not in ("get", "head")]
    if not verbs and "request" in directory.handlers:
        return [verb for verb in VERBS if verb != "head"]
    return verbs


def _parts_of(chain: Chain, snapshot: Snapshot) -> tuple[Any, ...]:
    """Return the objects that the routes of *chain* depend on. Notations may refer to schemas by
    name, so the files of schemas are among them."""
    return (*chain.parts, snapshot.schema_files)


def _has_page(directory: Directory) -> bool:
    """Whether *directory* itself responds to GET. Otherwise, if its access allows it, its
    introduction or the list of its files is shown instead of the page of a directory above."""
    return "get" in directory.handlers or directory.has_page


def _publish(chain: Chain, snapshot: Snapshot) -> _Published:
    source = _source_of(chain.directory, chain.verb, snapshot)
    routes = tuple(_routes(chain, snapshot, source))
    return _Published(chain, _parts_of(chain, snapshot), routes)


def _source_of(directory: Directory, verb: str, snapshot: Snapshot) -> str:
    """Return the place of the handler or the template that responds to *verb*."""
    show = snapshot.tree.show
    for stage in (verb, "request"):
        if handlers := directory.handlers_of(stage):
            return handlers[0].where(show)
    template = directory.page
    return str(snapshot.tree.root) if template is None else template.path


def _routes(chain: Chain, snapshot: Snapshot, source: str) -> Iterator[HttpMetadata]:
    directory = chain.directory
    options = {
        **({} if chain.handler is None else chain.handler.options),
        **_contract_options(chain, snapshot),
    }
    handlers = directory.source_of(chain.verb)
    own = {**options, **handler_options(directory, handlers)}
    action = chain_action(chain, is_virtual=False)
    limit = _body_limit(chain)
    verb, path = VERBS[chain.verb], directory.path or "/"
    yield HttpMetadata(chain, chain.name, path, verb, action, own, body_limit=limit, source=source)
    if directory.access.virtual:
        options |= virtual_options(directory, handlers, chain.tree, VIRTUAL_PARAMETER, chain.verb)
        below = f"{directory.path}/{{{VIRTUAL_PARAMETER}:path}}"
        action = chain_action(chain, is_virtual=True)
        name = f"{verb} {below}"
        yield HttpMetadata(
            chain, name, below, verb, action, options, body_limit=limit, source=source
        )


def _body_limit(chain: Chain) -> int | None:
    return chain.verbs[0].fields.get(BODY_LIMIT) if chain.verbs else None


def _contract_options(chain: Chain, snapshot: Snapshot) -> Mapping[str, Any]:
    fields = dict(chain.verbs[0].fields) if chain.verbs else {}
    fields.pop(BODY_LIMIT, None)
    if not fields:
        return {}
    notations = Contract(parameters=fields.get("parameters"), returns=fields.get("returns"))
    schemas = ContractSchemas.of(notations, snapshot.schemas)
    if schemas.parameters is not None:
        fields["parameters"] = schemas.parameters
    if schemas.returns is not None:
        fields["returns"] = schemas.returns

    def labelled() -> None: ...

    return options_of(contract(**fields)(labelled))
