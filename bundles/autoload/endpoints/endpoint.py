"""One function that clients call, and that code calls as ``await api.unit.method(…)``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bundles.autoload.endpoints.access import Access
from bundles.autoload.endpoints.code_call import CodeCall
from bundles.autoload.endpoints.taken import Taken
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import RxKernelError


class Endpoint:
    """An endpoint. Called in code, it has the caller's context and its contract, but its access
    rule is not checked.

    Attributes:
        method: its name in its unit.
        function: what is called.
        taken: the parameters of *function*.
        access: who may call it.
        fields: those of the contract.
        is_safe: whether GET serves it.
        options: other options, which decorators have set on *function*.
        apidocs_tag: the name of the unit, which groups endpoints in documents.
        code_call: how code calls it; None until its definition is compiled.
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
        """What code calls: ``api.unit.method``."""
        return f"api.{self.file.name[1]}.{self.method}"

    async def __call__(self, **arguments: Any) -> Any:
        """Call it with *arguments*, which are checked as those of a client.

        Raises:
            ArgumentsError: they do not fit.
            HttpException: what its contract or the function raises; a `DomainError` that the
                function returns is raised.
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
    """The endpoints of a unit that is one file: ``api.unit.method``."""

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
    """The function of ``router.py``: it gets all requests below the path of its unit.

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
