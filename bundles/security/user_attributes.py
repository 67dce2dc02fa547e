"""Whether the users of an application can have roles."""

from dataclasses import is_dataclass
from typing import Any

import attrs

from bundles.security.current_user import user_class
from bundles.security.users import UserProvider


def class_without_roles(users: UserProvider[Any]) -> type[Any] | None:
    """Return the class of *users* if it has no roles; None if it has some, or may have.

    Only classes that declare their attributes are known: those without a ``__dict__``, and those
    of attrs and dataclasses.
    """
    provider = type(users)
    kind = user_class(provider)
    if kind is None or provider.roles is not UserProvider.roles:
        return None
    is_declared = kind.__dictoffset__ == 0 or attrs.has(kind) or is_dataclass(kind)
    if not is_declared or hasattr(kind, "roles") or hasattr(kind, "__getattr__"):
        return None
    names = {name for cls in kind.__mro__ for name in getattr(cls, "__annotations__", ())}
    return None if "roles" in names else kind
