"""The transports of messages: two of the framework, others of bundles."""

import re
from typing import ClassVar, Self

_NAME = re.compile("[A-Z][A-Z0-9_-]*")
_KNOWN: dict[str, "Transport"] = {}


class Transport(str):
    """The name of a transport, equal to its text: ``Transport.HTTP == "HTTP"``.

    Each name has one instance, so ``is`` compares too. A bundle names its own transport once:
    ``METACOM = Transport("METACOM")``.

    Raises:
        ValueError: the name is not made of capital letters, digits, ``_`` and ``-``.
    """

    __slots__ = ()

    HTTP: ClassVar["Transport"]
    SOCKET: ClassVar["Transport"]

    def __new__(cls, name: str) -> Self:
        known = _KNOWN.get(name)
        if known is None:
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                raise ValueError(
                    f"invalid transport name {name!r}: use capital letters, digits, '_' and '-', "
                    f"starting with a letter"
                )
            known = _KNOWN[name] = super().__new__(cls, name)
        return known  # type: ignore[return-value]  # subclasses are not used


Transport.HTTP = Transport("HTTP")
Transport.SOCKET = Transport("SOCKET")
