"""One file as a Python module."""

import inspect
from importlib.util import module_from_spec, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.file_errors import FileError
from bundles.autoload.loading.name_rules import INIT, Name
from bundles.autoload.loading.source_file import SourceFile

_SHOWN = 80
"""The maximum number of characters of a line in an error."""


@attrs.frozen(eq=False)
class ModuleFile:
    """A file that was executed.

    Attributes:
        module: its module; None for a file that is not Python, such as TOML.
        value: the value that code reads by its name.
        reads: the keys of the files that it has read while it was executed.
        watches: names that were not found then, or were read as a whole. If a new file has such a
            name, this file must be executed again.
    """

    source: SourceFile
    module: ModuleType | None = attrs.field(repr=False)
    value: Any = attrs.field(repr=False)
    reads: frozenset[str] = attrs.field(repr=False)
    watches: frozenset[Name] = attrs.field(repr=False)

    @property
    def key(self) -> str:
        return self.source.key

    @property
    def name(self) -> Name:
        return self.source.name


def compile_source(source: SourceFile) -> CodeType:
    """Return the code of the file; its path appears in tracebacks.

    Raises:
        FileError: the file has a syntax error.
    """
    content = source.content
    if 0 in content:
        line = 1 + content.count(b"\n", 0, content.index(0))
        raise FileError("SyntaxError: the file has a null byte; is it text?", line)
    try:
        code: CodeType = compile(content, str(source.path), "exec", dont_inherit=True)
    except SyntaxError as exc:
        written = "" if source.is_secret else (exc.text or "").strip()
        text = f": {written[:_SHOWN]}" if written else ""
        raise FileError(f"{type(exc).__name__}: {exc.msg}{text}", exc.lineno or 1) from None
    except (MemoryError, RecursionError) as exc:
        raise FileError(
            f"{type(exc).__name__}: an expression is nested too deeply", None
        ) from None
    return code


def new_module(source: SourceFile, name: str) -> ModuleType:
    """Return an empty module called *name*."""
    is_package = source.stem == INIT
    spec = spec_from_file_location(
        name, source.path, submodule_search_locations=[] if is_package else None
    )
    if spec is None:
        raise ImportError(f"{source.path} is not a file of Python")
    return module_from_spec(spec)


def is_own(value: object, module: ModuleType) -> bool:
    """Whether *value*, a function or a class, is defined in *module*, not imported."""
    return getattr(value, "__module__", None) == module.__name__


def main_names(source: SourceFile) -> tuple[str, str]:
    """Return the possible names of the main function of a file, ``method`` first."""
    return "method", source.stem


def value_of(source: SourceFile, module: ModuleType) -> Any:
    """Return the value of the file: its function ``method``, or the function with the name of the
    file, otherwise its module. The value of an ``__init__.py`` is its module."""
    if source.stem == INIT:
        return module
    for name in main_names(source):
        value = module.__dict__.get(name)
        if inspect.isroutine(value) or (callable(value) and not inspect.isclass(value)):
            return value
    return module
