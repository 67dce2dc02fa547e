"""Builds the tree of a snapshot."""

from collections.abc import Callable, Collection, Iterable
from functools import partial

from bundles.autoload import Snapshot
from bundles.autoload.loading.module_file import ModuleFile
from bundles.security import AddressLimit
from bundles.web.access.access_file import AccessFile
from bundles.web.access.access_tree import AccessTree
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import PLACE, DirectoryTree
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import ACCESS
from bundles.web.directories.old_handlers import OldHandler
from bundles.web.directories.program_handler import ProgramHandler
from bundles.web.directories.unused_files import uncalled_handlers, unused_pages
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.extensions import Extensions
from bundles.web.templates.template_file import TemplateFile
from bundles.web.templates.templates import Templates
from rxkernel import ConfigurationError


class TreeBuilder:
    """Builds the tree of a snapshot, and collects its problems in `problems`.

    Args:
        roles: the existing roles, for ``groups``; empty: they are not checked.
        hosts, failures: see `DirectoryAccess`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        extensions: Extensions,
        roles: Collection[str] = (),
        hosts: Iterable[str] = (),
        failures: AddressLimit | None = None,
    ) -> None:
        self._failures = failures
        self._roles = roles
        self._hosts = hosts
        self.problems: list[str] = []
        self._snapshot = snapshot
        self._extensions = extensions
        self._directories = {"": Directory("", None, extensions.of(""))}
        self._old_handlers: list[tuple[Directory, OldHandler]] = []

    def build(
        self, programs: Iterable[ProgramHandler], before: DirectoryTree | None = None
    ) -> DirectoryTree:
        """Return the tree of the files, and of the handlers of *programs*. Templates that are the
        same as in *before* are not compiled again.

        Raises:
            ConfigurationError: every problem.
        """
        for key in sorted(self._snapshot.files):
            file = self._snapshot.files[key]
            if file.source.place == PLACE:
                self._add_file(file)
        for program in programs:
            self._add_program(program)
        self._check_old_handlers()
        access = self._merge_access()
        templates = self._templates(before)
        self._check_use(templates)
        if templates is None or self.problems:
            raise ConfigurationError(*dict.fromkeys(self.problems))
        return DirectoryTree(self._directories, templates, access)

    def _add_file(self, file: ModuleFile) -> None:
        path = file.key.rpartition("/")[0].partition("/")[2]
        where = partial(self._snapshot.tree.show, file.key)
        directory = self._directory(f"/{path}" if path else "", where)
        value = file.value
        if isinstance(value, Handler):
            directory.handlers[value.stage] = value
        elif isinstance(value, AccessFile):
            directory.access_file = value
        elif isinstance(value, TemplateFile):
            directory.templates.append(value)
        elif isinstance(value, OldHandler):
            self._old_handlers.append((directory, value))

    def _check_old_handlers(self) -> None:
        for directory, old in self._old_handlers:
            if old.exports or directory.handlers:
                self._fail(partial(self._snapshot.tree.show, old.key), old.problem)

    def _check_use(self, templates: Templates | None) -> None:
        for directory in self._directories.values():
            for handler in uncalled_handlers(directory):
                self.problems.append(
                    f"{handler.where(self._snapshot.tree.show)}: is never called, since a "
                    f"WebSocket begins with GET; write get.py, or move it to a directory without "
                    f".ws"
                )
        for file, page in () if templates is None else unused_pages(templates):
            name = file.name.replace(file.base, page, 1)
            self.problems.append(
                f"{file.path}: is not used; a page is called {name}. Rename it, or include it in "
                f"a page"
            )

    def _add_program(self, program: ProgramHandler) -> None:
        handler, path = program.handler, program.path.rstrip("/")
        show = self._snapshot.tree.show
        directory = self._directory(path, partial(handler.where, show))
        other = directory.handlers.setdefault(handler.stage, handler)
        if other is not handler:
            self.problems.append(
                f"{handler.where(show)}: {other.where(show)} handles {handler.stage} of "
                f"{program.path!r} too; remove one of them"
            )

    def _directory(self, path: str, where: Callable[[], str]) -> Directory:
        found = self._directories.get(path)
        if found is None:
            above, _, name = path.rpartition("/")
            parent = self._directory(above, where)
            found = Directory(path, parent, self._extension(name, where))
            self._directories[path] = found
        return found

    def _extension(self, name: str, where: Callable[[], str]) -> Extension:
        if "{" in name or "}" in name:
            self._fail(
                where,
                f"the folder {name!r} has braces, but a path has no parameters; rename it, and "
                f"write virtual = True in access.py of the folder above to serve all paths below",
            )
        try:
            return self._extensions.of(name)
        except ConfigurationError as error:
            for problem in error.problems:
                self._fail(where, problem)
            return self._extensions.of("")

    def _templates(self, before: DirectoryTree | None) -> Templates | None:
        files = [file for each in self._directories.values() for file in each.templates]
        try:
            return Templates(files, None if before is None else before.templates)
        except ConfigurationError as error:
            self.problems += error.problems
            return None

    def _merge_access(self) -> AccessTree:
        directories = self._directories.values()
        files = {each.names: file for each in directories if (file := each.access_file)}
        access = AccessTree.of(files, self._roles, self._hosts, self._failures)
        for problem in access.problems:
            key = "/".join((PLACE, *problem.directory, f"{ACCESS}.py"))
            place = self._snapshot.tree.show(key, problem.line)
            self.problems.append(f"{place}: {problem.text}")
        for each in directories:
            each.access = access.of_directory(each.names)
        return access

    def _fail(self, where: Callable[[], str], problem: str) -> None:
        self.problems.append(f"{where()}: {problem}")
