"""Values that files register while they are loaded, such as handlers of programs."""

from typing import Any

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.scope import current_source
from rxkernel import RxKernelError


def register(value: Any, *, caller: str = "register()") -> None:
    """Record *value* for the file that is being executed, or whose start hook is running.

    It is in `Snapshot.registered` until the file is removed or executed again.

    Args:
        caller: the function that the file has called, for the error.

    Raises:
        RxKernelError: no file is being executed or started by the calling code.
    """
    source = current_source()
    if not isinstance(source, Load):
        raise RxKernelError(
            f"{caller} can be called only while a file is executed, and in a start hook: a reload "
            f"could not know what belongs to the file"
        )
    source.register(value)
