"""All templates of a tree of handler directories, compiled: one object for each snapshot."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Environment

from bundles.web.templates.compiling import (
    CompiledFile,
    MistakesError,
    compile_file,
    new_environment,
)
from bundles.web.templates.lookup import NEXT, Audience, Lookup
from bundles.web.templates.rendering import render
from bundles.web.templates.scope import Scope
from bundles.web.templates.template_file import TemplateFile
from rxkernel import ConfigurationError
from rxkernel.nearest import nearest


class Templates:
    """The templates *files*. Unchanged ones are taken from *previous*.

    Attributes:
        files: in their order.

    Raises:
        ConfigurationError: every problem, with the path and the line.
    """

    def __init__(
        self, files: Iterable[TemplateFile] = (), previous: "Templates | None" = None
    ) -> None:
        self.files = tuple(files)
        self._lookup = Lookup(self.files)
        self._environment: Environment = previous._environment if previous else new_environment()
        self._compiled: dict[str, CompiledFile] = {}
        self._scopes: dict[tuple[str, Audience], Scope] = {}
        self._paths = frozenset(file.path for file in self.files)
        problems = [*self._same_names(), *self._compile(previous), *self._missing_names()]
        if problems:
            raise ConfigurationError(*problems)

    def render(
        self,
        directory: str,
        names: tuple[str, ...],
        data: Mapping[str, Any],
        groups: Collection[str] | None = None,
    ) -> str | None:
        """Return the page for *data*: the template with one of *names* that is nearest to
        *directory*; None if none exists.

        *groups* are the groups of the user who is logged in; None is a guest.

        Raises:
            TemplateError: the template failed.
        """
        page = self.scope(directory, groups).page(*names)
        return None if page is None else render(page, data, self._paths)

    def scope(self, directory: str, groups: Collection[str] | None = None) -> Scope:
        """Return the templates that a client with *groups* sees in *directory*."""
        audience = self._lookup.audience(groups)
        key = (self._lookup.nearest(directory), audience)
        try:
            return self._scopes[key]
        except KeyError:
            scope = Scope(self._environment, self._lookup, self._compiled, *key)
            return self._scopes.setdefault(key, scope)

    def compiled(self, key: str) -> CompiledFile:
        """Return the code of the file *key*."""
        return self._compiled[key]

    def names_in(self, file: TemplateFile) -> Iterator[str]:
        """Yield the names that *file* includes, extends or imports."""
        for reference in self._compiled[file.key].references:
            yield reference.name.rpartition(NEXT)[2].rpartition("/")[2]

    def _same_names(self) -> Iterator[str]:
        seen: dict[tuple[str, str, str | None], TemplateFile] = {}
        for file in self.files:
            other = seen.setdefault((file.directory, file.base, file.group), file)
            if other is not file:
                yield f"{file.path}: {other.name} has the same name; remove one of the two"

    def _compile(self, previous: "Templates | None") -> Iterator[str]:
        known = {} if previous is None else previous._by_file
        for file in self.files:
            try:
                self._compiled[file.key] = known.get(file) or compile_file(self._environment, file)
            except MistakesError as error:
                for mistake in error.mistakes:
                    yield f"{file.path}:{mistake.line}: {mistake.message}"

    @property
    def _by_file(self) -> Mapping[TemplateFile, CompiledFile]:
        return {file: self._compiled[file.key] for file in self.files}

    def _missing_names(self) -> Iterator[str]:
        for file in self.files:
            if file.key not in self._compiled:
                continue
            for reference in self._compiled[file.key].references:
                if not self._lookup.is_seen_below(file.directory, reference.name):
                    yield f"{file.path}:{reference.line}: {self._not_found(file, reference.name)}"

    def _not_found(self, file: TemplateFile, name: str) -> str:
        wanted = name.rpartition(NEXT)[2]
        if wanted != name:
            return f"no further template {wanted!r} exists above, which this one could extend"
        near = nearest(wanted, sorted(self._lookup.names_below(file.directory)))
        text = f"template {wanted!r} is neither in the directory of this file nor above"
        if file.kind == "template":
            text += f", nor does @[/{wanted}]@ end a block"
        return f"{text}; did you mean {near!r}?" if near else text
