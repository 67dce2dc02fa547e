"""The templates that an audience sees in one directory."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound

from bundles.web.templates.compiling import CompiledFile
from bundles.web.templates.lookup import NEXT, Audience, Lookup
from bundles.web.templates.reading import Reading
from bundles.web.templates.template_file import TemplateFile


class Scope(BaseLoader):
    """Jinja2's loader for *directory* and *audience*.

    Parts are looked up from the directory of the page, not from the directory of the file that
    includes them: so a directory can replace a part of an inherited page by its own file.
    """

    def __init__(
        self,
        environment: Environment,
        lookup: Lookup,
        compiled: Mapping[str, CompiledFile],
        directory: str,
        audience: Audience,
    ) -> None:
        self._environment = environment.overlay(loader=self)
        self._lookup = lookup
        self._compiled = compiled
        self._directory = directory
        self._audience = audience
        self._files: dict[tuple[str, ...], TemplateFile | None] = {}
        self._pages: dict[tuple[str, ...], Template | None] = {}

    def page(self, *names: str) -> Template | None:
        """Return the nearest template with one of *names*; None if none exists."""
        try:
            return self._pages[names]
        except KeyError:
            file = self._file(*names)
            page = self._template(self._environment, file) if file else None
            return self._pages.setdefault(names, page)

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> Template:
        """Called by Jinja2, once for each name."""
        file = self._file(name)
        if file is None:
            raise TemplateNotFound(name.rpartition(NEXT)[2])
        return self._template(environment, file)

    def reading(self, name: str) -> Reading:
        """Return how the template *name* reads a mapping."""
        file = self._file(name)
        return self._compiled[file.key].reading if file else "once"

    def _file(self, *names: str) -> TemplateFile | None:
        try:
            return self._files[names]
        except KeyError:
            file = self._lookup.first(self._directory, self._audience, *names)
            return self._files.setdefault(names, file)

    def _template(self, environment: Environment, file: TemplateFile) -> Template:
        code = self._compiled[file.key].code
        return environment.template_class.from_code(environment, code, environment.globals)
