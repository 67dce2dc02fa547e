"""One directory of the tree."""

from collections.abc import Iterator

import attrs

from bundles.web.access.access_file import AccessFile
from bundles.web.access.directory_access import DirectoryAccess
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import ERROR
from bundles.web.extensions.extension import Extension
from bundles.web.templates.pages import PAGES
from bundles.web.templates.template_file import TemplateFile


@attrs.define(eq=False)
class Directory:
    """A directory, as it was when its tree was built.

    Attributes:
        path: its URL, without a slash at its end; ``""`` for the root.
        parent: None for the root.
        extension: of its name.
        handlers: its own handlers, by stage.
        templates: its own templates.
        access_file: its own access file.
        access: merged from its access file and those of the parents.
    """

    path: str
    parent: "Directory | None"
    extension: Extension
    handlers: dict[str, Handler] = attrs.field(factory=dict)
    templates: list[TemplateFile] = attrs.field(factory=list)
    access_file: AccessFile | None = None
    access: DirectoryAccess = attrs.field(factory=DirectoryAccess)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in its path, see `AccessTree`."""
        return tuple(self.path.split("/")[1:])

    @property
    def has_handlers(self) -> bool:
        """Whether it has a handler or a page of its own, so that it inherits the verbs of the
        directories above. Access rules, a handler ``error`` and other templates do not count: a
        directory with only these serves its files as before."""
        return any(stage != ERROR for stage in self.handlers) or self.has_page

    @property
    def has_page(self) -> bool:
        """Whether it has a template of its own that is its page."""
        return any(template.base in self.page_names for template in self.templates)

    @property
    def page_names(self) -> tuple[str, ...]:
        """The names of the template that is its page; the first one that exists is used."""
        return PAGES.get(self.extension.name, ())

    @property
    def page(self) -> TemplateFile | None:
        """The template that is its page if there is no handler; it may be inherited."""
        return next(filter(None, map(self.template, self.page_names)), None)

    def source_of(self, verb: str) -> "Directory":
        """Return the directory of the handler of *verb*; without a handler, the directory of the
        page."""
        for stage in (verb, "request"):
            if stage in self.handlers:
                return self
            if stage == verb and self.handlers_of(verb):
                return next(each for each in self.lineage if verb in each.handlers)
        return next((each for each in self.lineage if self.page in each.templates), self)

    @property
    def lineage(self) -> "Iterator[Directory]":
        """It and the directories above it, up to the root."""
        directory: Directory | None = self
        while directory is not None:
            yield directory
            directory = directory.parent

    def handlers_of(self, stage: str) -> tuple[Handler, ...]:
        """Return the handlers of *stage*: its own and the inherited ones, the nearest first."""
        return tuple(each.handlers[stage] for each in self.lineage if stage in each.handlers)

    def template(self, name: str) -> TemplateFile | None:
        """Return the nearest template with *name*, for any group of users."""
        seen = (template for each in self.lineage for template in each.templates)
        return next((template for template in seen if template.base == name), None)

    @property
    def parts(self) -> Iterator[object]:
        """Yield the objects that its routes depend on, apart from templates of other
        directories."""
        for each in self.lineage:
            yield from each.handlers.values()
            yield each.access_file
