"""One function that clients call, and that code calls as ``await api.unit.method(…)``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bundles.autoload.endpoints.access import Access
from bundles.autoload.endpoints.code_call import CodeCall
from bundles.autoload.endpoints.taken import Taken
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import RxKernelError


class Endpoint:
    """An endpoint. If code calls it, the caller's context and the contract of the endpoint are
    used, but its access rule is not checked.

    Attributes:
        method: its name in its unit.
        function: the function that is called.
        taken: the parameters of *function*.
        access: the clients that may call it.
        fields: the fields of its contract.
        is_safe: whether GET serves it.
        options: further options, which decorators have set on *function*.
        apidocs_tag: the name of the unit, which groups endpoints in the documentation.
        code_call: calls it from code; None until its definition is compiled.
    """

    def __init__(
        self,
        file: SourceFile,
        method: str,
        function: Callable[..., Any],
        taken: Taken,
        access: Access,
        fields: Mapping[str, Any],
        is_safe: bool,
        options: Mapping[str, Any],
    ) -> None:
        self.file = file
        self.method = method
        self.function = function
        self.taken = taken
        self.access = access
        self.fields = fields
        self.is_safe = is_safe
        self.options = options
        self.apidocs_tag = file.name[1].partition(".")[0]
        self.code_call: CodeCall | None = None
        self.__doc__ = function.__doc__
        self.__name__ = method

    @property
    def code_name(self) -> str:
        """The expression that code calls: ``api.unit.method``."""
        return f"api.{self.file.name[1]}.{self.method}"

    async def __call__(self, **arguments: Any) -> Any:
        """Call it with *arguments*, which are checked like those of a client.

        Raises:
            ArgumentsError: the arguments are invalid.
            HttpException: raised by its contract or by the function; or a `DomainError` that the
                function returns.
        """
        if self.code_call is None:
            raise RxKernelError(
                f"{self!r} cannot be called before the application is booted, or after a reload "
                f"has removed it"
            )
        return await self.code_call(arguments)

    def __repr__(self) -> str:
        return f"<endpoint {self.method} of {self.file.path}>"


class UnitMethods:
    """The endpoints of a unit that consists of one file: ``api.unit.method``."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints

    def __getattr__(self, name: str) -> Endpoint:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._endpoints[name]
        except KeyError:
            known = ", ".join(self._endpoints)
            raise AttributeError(f"the unit has no {name!r}; it has {known}") from None

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints.values())

    def __dir__(self) -> list[str]:
        return list(self._endpoints)


class Hook:
    """The function of ``router.py``, which handles all requests below the path of its unit.

    The attributes are those of `Endpoint`.
    """

    method = "router"

    def __init__(
        self,
        file: SourceFile,
        function: Callable[..., Any],
        taken: Taken,
        access: Access,
        fields: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        self.file = file
        self.function = function
        self.taken = taken
        self.access = access
        self.fields = fields
        self.options = options
        self.apidocs_tag = file.name[1].partition(".")[0]
