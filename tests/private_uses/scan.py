"""Finds uses of the libraries in the sources, as far as names show them.

Types are not known here. An undocumented attribute without an underscore, of an object that is not
an instance of our own classes, is found only if a table contains its name.
"""

import ast
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from pkgutil import resolve_name

import attrs

from tests.private_uses.private_use import PrivateUse

LIBRARIES = ("aiohttp", "blinker", "engineio", "injector", "socketio")
"""The libraries whose private names rxkernel uses."""

PUBLIC_MODULES = {
    *("aiohttp", "aiohttp.abc", "aiohttp.hdrs", "aiohttp.web"),
    *("blinker", "engineio", "injector", "socketio", "socketio.exceptions"),
}

HOMES = {
    "aiohttp": "servers/",
    "engineio": "servers/socketio/",
    "socketio": "servers/socketio/",
}
"""The folders that may use objects of a library; `tests/test_architecture.py` checks imports."""

SELF = ("self", "cls", "super()")

NAMEDTUPLE = ("_replace", "_asdict", "_fields")
"""Documented names of named tuples; the underscore distinguishes them from names of fields."""


@attrs.frozen(order=True)
class Use:
    """*name* of a library at a line of *file*."""

    file: str
    line: int
    name: str


@attrs.define(eq=False)
class Source:
    """A parsed module. *file* is its path below the package, *name* is dotted."""

    file: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return "rxkernel." + self.file.removesuffix(".py").replace("/", ".")

    @cached_property
    def imported(self) -> dict[str, str]:
        """The dotted path of each imported name."""
        names = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or top] = top
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]

    @cached_property
    def expressions(self) -> set[str]:
        """The names and attributes in the sources, with a dot before each."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute | ast.Name):
                found.add(f".{ast.unparse(node)}")
            elif (name := _literal_attribute(node)) is not None:
                found.add(f".{name}")
            elif isinstance(node, ast.ImportFrom):
                found |= {f".{node.module}.{alias.name}" for alias in node.names}
        return found


Sources = tuple[Source, ...]


def read_sources(package: Path) -> Sources:
    template = package / "cli" / "template"
    return tuple(
        Source(path.relative_to(package).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(package.rglob("*.py"))
        if not path.is_relative_to(template)
    )


def files_of(use: PrivateUse, sources: Sources) -> set[str]:
    """The files in which *use* is spelled, or overridden."""
    last = use.name.rpartition(".")[2]
    found = set()
    for source in sources:
        if not source.file.startswith(HOMES.get(use.library, "")):
            continue
        ends = tuple(f".{end}" for end in use.spelled)
        if any(text.endswith(ends) for text in source.expressions) or any(
            name == last and _same_class(use.name, library)
            for library, _, name in _members(source, sources, own=True)
        ):
            found.add(source.file)
    return found


def unlisted(sources: Sources, listed: set[str], known: Sources = ()) -> list[Use]:
    """The private uses whose last name is not in *listed*, and documented ones that look so.

    Classes of *sources* may derive from those of *known*, which are not searched.
    """
    found = set()
    for source in sources:
        for line, path in _imports(source):
            module, _, name = path.rpartition(".")
            if name in listed or name.endswith("__"):
                continue
            if module not in PUBLIC_MODULES or name.startswith("_"):
                found.add(Use(source.file, line, path))
        for line, name in _underscored(source):
            if name not in listed:
                found.add(Use(source.file, line, name))
        for own in (True, False):
            for library, line, name in _members(source, (*known, *sources), own=own):
                path = f"{library}.{name}"
                if name not in listed and path not in DOCUMENTED:
                    found.add(Use(source.file, line, path))
    return sorted(found)


DOCUMENTED = {
    "aiohttp.abc.AbstractAccessLogger.enabled",
    "aiohttp.abc.AbstractAccessLogger.log",
    "aiohttp.web.StreamResponse.force_close",
    "aiohttp.web.StreamResponse.prepare",
    "aiohttp.web.StreamResponse.write",
    "aiohttp.web.StreamResponse.write_eof",
    "injector.Provider.get",
    "injector.Scope.get",
}
"""Members of base classes that subclasses override or call, as the documentation allows."""


def _literal_attribute(node: ast.AST) -> str | None:
    """The attribute in ``getattr(x, "name")``, and in ``hasattr``, ``setattr``, ``delattr``."""
    match node:
        case ast.Call(
            func=ast.Name(id="getattr" | "hasattr" | "setattr" | "delattr"),
            args=[_, ast.Constant(value=str(name)), *_],
        ):
            return name
    return None


def _imports(source: Source) -> Iterator[tuple[int, str]]:
    """The dotted paths of the libraries that *source* imports, or names below an import."""
    imported = source.imported
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                if path.partition(".")[0] in LIBRARIES and not _is_module(path):
                    yield node.lineno, path
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = imported.get(node.value.id, "")
            path = f"{module}.{node.attr}"
            is_of_library = module.partition(".")[0] in LIBRARIES and _is_module(module)
            if is_of_library and not _is_module(path):
                yield node.lineno, path
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            path = ast.unparse(node)
            module = path.rpartition(".")[0]
            if imported.get(path.partition(".")[0]) in LIBRARIES and _is_module(module):
                yield node.lineno, path


@cache
def _is_module(path: str) -> bool:
    try:
        return type(resolve_name(path)).__name__ == "module"
    except (AttributeError, ImportError):
        return False


def _underscored(source: Source) -> Iterator[tuple[int, str]]:
    """Attributes with a leading underscore of objects that are not of a class of *source*."""
    own = {name for node in source.classes for name in _defined(node)}
    for node in ast.walk(source.tree):
        name = _literal_attribute(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in SELF:
            name = node.attr
        if name is None or not name.startswith("_") or name.endswith("__"):
            continue
        if name in NAMEDTUPLE:
            continue
        if name not in own and (source.file, name) not in OWN:
            assert isinstance(node, ast.Attribute | ast.Call)
            yield node.lineno, name


OWN = {
    ("cli/signals.py", "_exit"),
    ("kernel/route.py", "_response"),
    ("messages/stored_response.py", "_status_code"),
    ("servers/http/pipeline.py", "_params"),
    ("servers/http/response_writer.py", "_headers"),
    ("servers/http/response_writer.py", "_id"),
    ("servers/http/response_writer.py", "_status_code"),
}
"""Attributes of the standard library, and of our own classes in other modules."""


def _defined(node: ast.ClassDef) -> set[str]:
    """The names that the body of a class, and its methods, define."""
    names = set()
    for part in ast.walk(node):
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.Attribute(value=owner, attr=name, ctx=ast.Store()):
                if ast.unparse(owner) in SELF:
                    names.add(name)
    return names


@cache
def _members(source: Source, sources: Sources, *, own: bool) -> list[tuple[str, int, str]]:
    """The members of a library's class that subclasses use, as ``(class, line, name)``.

    *own*: those that a subclass overrides; else those that it inherits.
    """
    found = []
    for node in source.classes:
        chain = _chain(source, node, sources)
        libraries = [base for base in chain if isinstance(base, str)]
        if not libraries:
            continue
        above = set().union(*(_defined(b) for b in chain[1:] if isinstance(b, ast.ClassDef)))
        for line, name in _overridden(node) if own else _inherited(node, above):
            found += [
                (library, line, name)
                for library in libraries
                if not name.endswith("__") and (not own or hasattr(resolve_name(library), name))
            ]
    return found


def _overridden(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.lineno, part.name


def _inherited(node: ast.ClassDef, above: set[str]) -> Iterator[tuple[int, str]]:
    """*above* has what the base classes in rxkernel define."""
    ours = above | _defined(node)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            owner = ast.unparse(part.value)
            if owner in SELF and part.attr not in (above if owner == "super()" else ours):
                yield part.lineno, part.attr


def _chain(source: Source, node: ast.ClassDef, sources: Sources) -> list[ast.ClassDef | str]:
    """*node*, its base classes in rxkernel, and the paths of those in a library."""
    chain: list[ast.ClassDef | str] = [node]
    for base in node.bases:
        first, _, rest = ast.unparse(base).partition(".")
        path = ".".join(filter(None, (source.imported.get(first, f"{source.name}.{first}"), rest)))
        if path.partition(".")[0] in LIBRARIES:
            chain.append(path)
        elif path in (classes := _classes(sources)):
            chain += _chain(*classes[path], sources)
    return chain


@cache
def _classes(sources: Sources) -> dict[str, tuple[Source, ast.ClassDef]]:
    return {
        f"{source.name}.{node.name}": (source, node)
        for source in sources
        for node in source.classes
    }


def _same_class(use: str, library: str) -> bool:
    """Whether the class in *use* is *library*, or a base class of it."""
    owner = resolve_name(use.rpartition(".")[0])
    cls = resolve_name(library)
    return isinstance(owner, type) and isinstance(cls, type) and issubclass(cls, owner)
