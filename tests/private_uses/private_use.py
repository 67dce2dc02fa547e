"""The records in the tables of private uses."""

import inspect
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class PrivateUse:
    """A name or behaviour of a library that its documentation does not promise and rxkernel needs.

    Attributes:
        name: its dotted path from the library. An attribute that only instances have is written as
            an attribute of the class.
        files: the modules of rxkernel that use it, below the package.
        why: what it is used for.
        spelled: how the sources write the uses, as the end of an expression; its last name by
            default. If empty, the sources show no name and the files are not compared.
        parameters: the exact names of its parameters, if rxkernel overrides it.
        accepts: calls it as rxkernel does, for `inspect.Signature.bind`.
        check: raises an error if it has changed; for names without a signature, attributes of
            instances, and behaviour.
    """

    name: str
    files: tuple[str, ...]
    why: str
    spelled: tuple[str, ...] = attrs.field()
    parameters: tuple[str, ...] | None = None
    accepts: Callable[[inspect.Signature], Any] | None = None
    check: Callable[[], Any] | None = None

    @spelled.default
    def _last_name(self) -> tuple[str, ...]:
        return (self.name.rpartition(".")[2],)

    @property
    def library(self) -> str:
        return self.name.partition(".")[0]

    def verify(self) -> None:
        """Compare it with the installed library.

        Raises:
            Exception: it is missing, or differs.
        """
        if self.check is not None:
            self.check()
        else:
            found = resolve_name(self.name)
        if self.parameters is not None:
            assert tuple(inspect.signature(found).parameters) == self.parameters
        if self.accepts is not None:
            self.accepts(inspect.signature(found))


def require(condition: object) -> None:
    """Fail unless *condition*; a lambda cannot assert."""
    assert condition
