"""Detects namespaces that a file reads without importing them, as files of Impress do."""

import builtins
import dis
from collections.abc import Iterator
from types import CodeType, ModuleType

from bundles.autoload.loading.file_errors import FileError
from bundles.autoload.loading.name_rules import import_hint
from bundles.autoload.loading.place_names import NAMESPACES


def check_namespaces(code: CodeType, module: ModuleType) -> None:
    """Reject functions of *module*, which *code* has made, that read a namespace as a global name
    that does not exist: each call would raise a NameError.

    Raises:
        FileError: names the line of the first one.
    """
    missing = {
        name
        for name in NAMESPACES
        if name not in vars(module) and not hasattr(builtins, name) and _has_name(code, name)
    }
    if not missing:
        return
    instructions = [*_instructions(code)]
    missing -= {each.argval for each in instructions if each.opname == "STORE_GLOBAL"}
    for each in instructions:
        if each.opname == "LOAD_GLOBAL" and each.argval in missing:
            raise FileError(
                f"reads {each.argval}, which it does not import; {import_hint(each.argval)}",
                None if each.positions is None else each.positions.lineno,
            )


def _has_name(code: CodeType, name: str) -> bool:
    """Whether *code* has *name*, also as an attribute: a fast check, since most files are
    correct."""
    return name in code.co_names or any(
        _has_name(inner, name) for inner in code.co_consts if isinstance(inner, CodeType)
    )


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _instructions(inner)
