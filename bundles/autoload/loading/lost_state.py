"""Whether a file holds values that a reload loses."""

from types import ModuleType

from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.remote import RemoteMethod, Service

_CONSTANT = (str, bytes, int, float, complex, tuple, frozenset, type(None), type, ModuleType)


def has_state(file: ModuleFile) -> bool:
    """Whether a variable of the file is something that changes, such as a list or an object.

    The files of remote services and their methods are descriptions, which do not change.
    """
    if file.module is None or isinstance(file.value, Service | RemoteMethod):
        return False
    return any(
        not isinstance(value, _CONSTANT) and not callable(value) and not _is_foreign(value)
        for name, value in vars(file.module).items()
        if not name.startswith("__")
    )


def _is_foreign(value: object) -> bool:
    """Whether it is a view, which holds nothing."""
    return type(value).__module__ == "bundles.autoload.views"
