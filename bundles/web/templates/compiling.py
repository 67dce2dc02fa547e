"""Compiles template files: each one is checked and compiled once for all directories that use
it."""

from collections.abc import Iterable, Iterator
from types import CodeType

import attrs
from jinja2 import Environment, StrictUndefined, nodes
from jinja2.exceptions import TemplateSyntaxError

from bundles.web.templates.elements import ELEMENT_FILTERS
from bundles.web.templates.lookup import NEXT
from bundles.web.templates.notation import Mistake, parse, parts_of
from bundles.web.templates.reading import Reading, reading_of
from bundles.web.templates.template_file import TemplateFile
from bundles.web.templates.translation import translate
from bundles.web.templates.values import VALUE_FILTERS

_DEPTH = "blocks or expressions are nested too deeply; move the inner ones to separate templates"

_REFERRING = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


@attrs.frozen
class Reference:
    """A template *name* that a file includes, extends or imports, at a line."""

    name: str
    line: int


@attrs.frozen
class CompiledFile:
    """The code of a file, the templates that it refers to, and how it reads a mapping."""

    code: CodeType
    references: tuple[Reference, ...]
    reading: Reading = "once"


class MistakesError(Exception):
    """A file cannot be compiled."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        super().__init__()
        self.mistakes = tuple(mistakes)


def new_environment() -> Environment:
    """Return the environment that compiles; the environments that run templates are overlays of
    it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, auto_reload=False, cache_size=-1
    )
    environment.filters |= VALUE_FILTERS | ELEMENT_FILTERS
    return environment


def compile_file(environment: Environment, file: TemplateFile) -> CompiledFile:
    """Return the code of *file*. A byte order mark is removed.

    Raises:
        MistakesError: every mistake.
    """
    text = file.text.removeprefix("\ufeff")
    if file.kind == "jinja":
        return _compile_jinja(environment, file, text)
    tree, mistakes = parse(text)
    if mistakes:
        raise MistakesError(mistakes)
    source = translate(tree, file.base)
    compiled = _compile_jinja(environment, file, source)
    references = tuple(Reference(part.name, part.line) for part in parts_of(tree))
    return attrs.evolve(compiled, references=references, reading=reading_of(tree))


def _compile_jinja(environment: Environment, file: TemplateFile, source: str) -> CompiledFile:
    try:
        tree = environment.parse(source, file.key, file.path)
        references = tuple(_references(tree, file))
        code = environment.compile(tree, file.key, file.path)
    except TemplateSyntaxError as exc:
        raise MistakesError([Mistake(exc.message or "syntax error", exc.lineno)]) from None
    except (SyntaxError, RecursionError, MemoryError):
        raise MistakesError([Mistake(_DEPTH, 1)]) from None
    return CompiledFile(code, references)


def _references(tree: nodes.Template, file: TemplateFile) -> Iterator[Reference]:
    """Return the references of *tree* with constant names that must exist.

    A file that extends its own name must not extend itself without end: the name in *tree* is
    replaced by that of the next file with this name.
    """
    for node in tree.find_all(nodes.Stmt):
        if not isinstance(node, _REFERRING):
            continue
        name = node.template
        if not (isinstance(name, nodes.Const) and isinstance(name.value, str)):
            continue
        if isinstance(node, nodes.Extends) and name.value in (file.base, f"{file.base}.jinja"):
            name.value = f"{file.key}{NEXT}{name.value}"
        if not (isinstance(node, nodes.Include) and node.ignore_missing):
            yield Reference(name.value, node.lineno)
