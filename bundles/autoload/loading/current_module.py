"""An entry of ``sys.modules`` that represents the module of the current snapshot."""

from types import ModuleType
from typing import Any

from bundles.autoload.loading.scope import scoped_module

_own = object.__getattribute__


class CurrentModule(ModuleType):
    """Has the attributes of the module with its name in the scope of the code that reads it;
    outside of scopes, the attributes of *module*.

    So a message unpickles objects, and resolves type hints, in its own version of the file, while
    a reload executes another version that may never be used. This class has no methods, since all
    its names must be those of the module.
    """

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        set_default(self, module)

    def __getattribute__(self, name: str) -> Any:
        return getattr(_module_of(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_module_of(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_module_of(self), name)

    def __dir__(self) -> list[str]:
        return dir(_module_of(self))

    def __repr__(self) -> str:
        return repr(_module_of(self))


def set_default(current: CurrentModule, module: ModuleType) -> None:
    """Set the module that *current* represents outside of scopes."""
    object.__setattr__(current, "_default", module)


def _module_of(current: CurrentModule) -> ModuleType:
    default: ModuleType = _own(current, "_default")
    return scoped_module(default.__name__) or default
