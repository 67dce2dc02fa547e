"""From a raw value to one of a declared type, or to everything that does not fit."""

from typing import Any

import msgspec

from rxkernel.kernel.misfits import UNFIT, Misfits, place_in, said_by_msgspec
from rxkernel.kernel.node_reader import read_node


class Validator:
    """Makes values of one type: in C where all is well, by hand where it is to be told why not.

    Raises:
        TypeError, NameError: msgspec does not know the type.
    """

    def __init__(self, type_: Any, *, allow_unknown: bool = False) -> None:
        self.node = read_node(type_, allow_unknown=allow_unknown)
        self._type = type_
        self._in_c = not self.node.by_hand

    def read(self, raw: Any, path: str, misfits: Misfits, *, lenient: bool = False) -> Any:
        """The value of *raw*, or `UNFIT`; *lenient* takes the text ``"7"`` for the number."""
        failure = None
        if self._in_c:
            try:
                value = msgspec.convert(raw, self._type, strict=not lenient, str_keys=True)
            except msgspec.ValidationError as exc:
                failure = exc
            except RecursionError:
                return misfits.add(path, "is nested too deeply")
            else:
                node = self.node
                if not (node.looks_leniently if lenient else node.looks):
                    return value
                if node.is_clean(raw, lenient):
                    return value
        return self._build(raw, path, misfits, lenient, failure)

    def _build(
        self,
        raw: Any,
        path: str,
        misfits: Misfits,
        lenient: bool,
        failure: msgspec.ValidationError | None,
    ) -> Any:
        try:
            value = self.node.build(raw, path, misfits, lenient)
        except RecursionError:
            return misfits.add(path, "is nested too deeply")
        if value is not UNFIT and failure is not None:  # msgspec knows better
            return misfits.add(path + place_in(failure), said_by_msgspec(failure))
        return value
