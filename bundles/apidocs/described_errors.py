"""The error responses of a definition, by its input, its contract and its docstring."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

import rxkernel
from bundles.apidocs.docstrings import Docstring
from rxkernel import Definition, HttpException


@attrs.define
class DescribedError:
    """The error responses with one status.

    Attributes:
        texts: the descriptions.
        codes: the texts of declared errors, by their ``code``.
        is_general: whether there are also errors without a declared code.
    """

    texts: list[str] = attrs.field(factory=list)
    codes: dict[str | int, str] = attrs.field(factory=dict)
    is_general: bool = False


class DescribedErrors:
    """The errors of a definition by status, in the order of the statuses."""

    def __init__(self) -> None:
        self._found: dict[int, DescribedError] = {}

    def __iter__(self) -> Iterator[tuple[int, DescribedError]]:
        return iter(sorted(self._found.items()))

    def __contains__(self, status: int) -> bool:
        return status in self._found

    def add(self, status: int, text: str = "") -> None:
        error = self._found.setdefault(status, DescribedError())
        error.is_general = True
        if text and text not in error.texts:
            error.texts.append(text)

    def add_code(self, code: str | int, text: str) -> None:
        """Add an error of a contract; see ``bundles.contracts.DomainError`` for its status."""
        is_status = isinstance(code, int) and 400 <= code <= 599
        status = code if isinstance(code, int) and is_status else 400
        self._found.setdefault(status, DescribedError()).codes[code] = text


def raised_by(definition: Definition, docstring: Docstring) -> Iterator[tuple[int, str]]:
    """Yield the status and the text of each `HttpException` that ``Raises:`` names.

    Names are looked up in the module of the action, then among the exceptions of rxkernel. Other
    exceptions have no HTTP response. ``Responses:`` may also have statuses of errors.
    """
    yield from ((s, text) for s, text in docstring.responses.items() if s >= 400)
    for name, text in docstring.raises.items():
        found = _named(name, definition)
        if isinstance(found, type) and issubclass(found, HttpException):
            yield found.status_code, text or text_of(found)


def text_of(cls: type[HttpException]) -> str:
    """Return the phrase of *cls*; if it is inherited from a class with another status, return the
    phrase of the status."""
    has_own = cls.phrase != HttpException.phrase or cls.status_code == HttpException.status_code
    return cls.phrase if has_own else ""


def _named(name: str, definition: Definition) -> Any:
    first, *others = name.split(".")
    found: Any = _names_of(definition).get(first, getattr(rxkernel, first, None))
    for part in others:
        found = getattr(found, part, None)
    return found


def _names_of(definition: Definition) -> Mapping[str, Any]:
    """Return the names in the module of the action, or of the method that it overrides."""
    module = getattr(definition.function, "__module__", None)
    return vars(sys.modules[module]) if module in sys.modules else {}
