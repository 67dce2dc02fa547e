"""The injector of an application, and everything it builds at boot.

Each step goes on after a mistake and remembers it, so that boot can tell them all.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from injector import (
    Binder,
    Injector,
    InstanceProvider,
    Provider,
    SingletonScope,
    singleton,
)

from rxkernel.application.app_settings import app_settings
from rxkernel.application.bundle import Bundle
from rxkernel.application.discovery import Found
from rxkernel.application.overrides import Overrides, OverridingBinder
from rxkernel.application.problems import explain, name_of
from rxkernel.application.wiring import Wiring
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Settings

_LOCKS = (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)


class _OrderedSingletons(SingletonScope):
    """Remembers in which order singletons were built: a dependency before its dependants."""

    def configure(self) -> None:
        super().configure()
        self.built: dict[int, Any] = {}

    def get(self, key: type[Any], provider: Provider[Any]) -> Provider[Any]:
        found = super().get(key, provider)
        instance = found.get(self.injector)
        self.built.setdefault(id(instance), instance)
        return found


class Services:
    """Builds with injector, eagerly: a request will ask for nothing that is not there."""

    def __init__(self, core: Callable[[Binder], None], overrides: Overrides) -> None:
        self.injector = Injector(auto_bind=False)
        self.injector.binder = self._binder = OverridingBinder(self.injector, overrides)
        self._binder.bind(Injector, to=self.injector)
        self._binder.bind(Binder, to=self._binder)
        self._binder.install(core)
        self._binder.protect()
        self.problems: list[str] = []
        self._wiring = Wiring(self.injector.binder)
        self._singletons = _OrderedSingletons(self.injector)
        self.injector.binder.bind(SingletonScope, to=self._singletons)

    @contextmanager
    def collecting(self, what: str) -> Any:
        """Turn what is raised inside into problems about *what*."""
        try:
            yield
        except ConfigurationError as error:
            self.problems += error.problems
        except Exception as exc:  # noqa: BLE001 - whatever a constructor raises is told with the rest
            self.problems.append(explain(what, exc))

    def bind_app_settings(self, cls: type[Any] | None, settings: Settings) -> None:
        """Have the application's own settings injectable as *cls*."""
        with self.collecting("the settings of the application"):
            if (own := app_settings(cls, settings)) is not None:
                assert cls is not None
                self.injector.binder.bind(cls, to=own)

    def add_bundle(self, bundle: Found, settings: Settings) -> Bundle | None:
        """Build *bundle* if it is a class, and let it bind its services."""
        with self.collecting(f"bundle {bundle.name!r}"):
            if bundle.settings_class is not None:
                given = settings.bundles.get(bundle.name)
                own = bundle.settings_class() if given is None else given
                self.injector.binder.bind(bundle.settings_class, to=own)
            built = self.injector.create_object(bundle) if isinstance(bundle, type) else bundle
            self.injector.binder.install(built.configure)
            return built
        return None

    def install(self, modules: Iterable[Any]) -> None:
        """Let each of *modules*, an `injector.Module` or a ``configure(binder)``, bind."""
        for module in modules:
            with self.collecting(f"module {getattr(module, '__name__', module)!r}"):
                self.injector.binder.install(module)
        self._binder.complete()

    def build(self, parts: Sequence[Any]) -> dict[Any, Any]:
        """The instance of each class in *parts*, one each; what is no class stands for itself."""
        binder = self.injector.binder
        for part in parts:
            if isinstance(part, type) and not binder.has_explicit_binding_for(part):
                binder.bind(part, scope=singleton)
        built = {}
        for part in parts:
            with self.collecting(getattr(part, "__qualname__", str(part))):
                built[part] = self.injector.get(part) if isinstance(part, type) else part
        return built

    def create(self, cls: type) -> Any:
        """An instance of *cls* that is not bound, so that nothing keeps it alive.

        Raises:
            ConfigurationError: it cannot be built.
        """
        name = name_of(cls)
        try:
            if self.injector.binder.has_explicit_binding_for(cls):
                return self.injector.get(cls)
            return self.injector.create_object(cls)
        except Exception as exc:
            raise ConfigurationError(explain(name, exc)) from exc

    def note_instances(self) -> None:
        """Remember the instances that were bound as they are, before what may need them."""
        for binding in tuple(self.injector.binder._bindings.values()):
            if isinstance(binding.provider, InstanceProvider):
                instance = binding.provider.get(self.injector)
                self._singletons.built.setdefault(id(instance), instance)

    def build_rest(self) -> None:
        """Build every other singleton, and refuse what could not be looked after."""
        # injector has no public list of what is bound
        for interface, binding in tuple(self.injector.binder._bindings.items()):
            name = name_of(interface)
            if binding.scope is SingletonScope:
                with self.collecting(name):
                    self.injector.get(interface)
            elif not isinstance(binding.provider, InstanceProvider) and (
                is_managed_class(interface)
                or is_managed_class(getattr(binding.provider, "_cls", None))
            ):
                self.problems.append(
                    f"{name} is an async context manager, which boot enters and shutdown leaves, "
                    f"but it is not bound once; bind it so: binder.bind({name}, scope=singleton), "
                    f"or give what lives shorter an 'async def aclose' instead"
                )

    def refuse_unawaited(self) -> None:
        """Refuse providers whose service nobody would await, before anything is built."""
        self.problems += self._wiring.refuse_unawaited()

    def check_wiring(self) -> None:
        """Refuse what could not be built once messages are handled, and overrides of nothing."""
        self.problems += self._wiring.problems()
        self.problems += self._binder.problems()

    def provider(self, interface: Any, *, over_http: bool) -> Callable[[], Any]:
        """What gives the service *interface*: the one instance, or one as its scope says.

        Over HTTP there are no connections, nor what lives as long as one.

        The injector is asked now; the provider touches no container.

        Raises:
            ConfigurationError: nothing binds it, or it cannot be built.
        """
        name = name_of(interface)
        if not self.injector.binder.has_explicit_binding_for(interface):
            raise ConfigurationError(
                f"asks for {name}, which nothing binds; bind it in a module of the application: "
                f"binder.bind({name}, scope=singleton)"
            )
        if over_http:
            self._wiring.refuse_without_connection(interface)
        try:
            binding, _ = self.injector.binder.get_binding(interface)
            if binding.scope is SingletonScope or isinstance(binding.provider, InstanceProvider):
                instance = self.injector.get(interface)
                return lambda: instance
            scope = self.injector.get(binding.scope)
        except Exception as exc:
            raise ConfigurationError(f"asks for a service: {explain(name, exc)}") from exc
        injector, provider = self.injector, binding.provider
        return lambda: scope.get(interface, provider).get(injector)

    def managed(self) -> list[Any]:
        """The built services that are async context managers, dependencies first."""
        return [
            instance
            for instance in self._singletons.built.values()
            if is_managed_class(type(instance))
            and not isinstance(instance, _LOCKS)
            and not self._binder.is_lent(instance)
        ]


def is_managed_class(cls: Any) -> bool:
    """Whether instances of *cls* are async context managers."""
    return isinstance(cls, type) and hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__")
