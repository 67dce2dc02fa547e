"""The injector of an application, and the services that it builds at boot.

Each step collects its errors and continues, so that boot reports all of them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from injector import (
    Binder,
    Binding,
    ClassProvider,
    Injector,
    InstanceProvider,
    Provider,
    SingletonScope,
    singleton,
)

from rxkernel.application.app_settings import app_settings
from rxkernel.application.async_providers import wrap_async_providers
from rxkernel.application.binding_graph import BindingGraph
from rxkernel.application.bundle import Bundle
from rxkernel.application.injection_errors import (
    describe_injection_error,
    name_of,
    parameter_without_bundle,
    shown,
    unbound_service,
)
from rxkernel.application.multibindings import bind_parts, services_in
from rxkernel.application.overrides import Overrides, OverridingBinder
from rxkernel.application.resolvers import Resolvers, UnbuiltResolver
from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.kernel.container import LateArgument
from rxkernel.kernel.scopes import AsyncProvider, OwnedScope, current_request
from rxkernel.messages.request import Request
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.routing.markers import Marker
from rxkernel.routing.resolver import Resolver
from rxkernel.settings import Settings

T = TypeVar("T")


class _OrderedSingletons(SingletonScope):
    """Records the order in which singletons were built: dependencies first."""

    def configure(self) -> None:
        super().configure()
        self.built: dict[int, Any] = {}

    def get(self, key: type[Any], provider: Provider[Any]) -> Provider[Any]:
        found = super().get(key, provider)
        made = found.get(self.injector)
        for instance in services_in(key, made):
            self.built.setdefault(id(instance), instance)
        return found


class InjectorContainer:
    """Builds singletons with injector at boot, so that a request only reads them."""

    def __init__(self, core: Callable[[Binder], None], overrides: Overrides) -> None:
        self.injector = Injector(auto_bind=False)
        self.injector.binder = self._binder = OverridingBinder(self.injector, overrides)
        self._binder.bind(Injector, to=self.injector)
        self._binder.bind(Binder, to=self._binder)
        self._binder.install(core)
        self._binder.protect()
        self._own = self._instances()
        self._built_at_boot: set[type] = set()
        self.problems: list[str] = []
        self.resolvers = Resolvers()
        self._asked: dict[tuple[Any, bool], LateArgument] = {}
        self._graph = BindingGraph(self.injector.binder)
        self._singletons = _OrderedSingletons(self.injector)
        self.injector.binder.bind(SingletonScope, to=self._singletons)

    @contextmanager
    def collecting(self, what: str) -> Any:
        """Add an exception that the block raises to `problems`, as a problem of *what*."""
        try:
            yield
        except ConfigurationError as error:
            self.problems += error.problems
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever is raised is reported with the rest
            self.problems.append(describe_injection_error(what, exc))

    def bind_app_settings(self, cls: type[Any] | None, settings: Settings) -> None:
        """Bind the application's own settings as *cls*."""
        with self.collecting("the settings of the application"):
            if (own := app_settings(cls, settings)) is not None:
                assert cls is not None
                self.injector.binder.bind(cls, to=own)

    def install(self, modules: Iterable[Any]) -> None:
        """Install each of *modules*, an `injector.Module` or a ``configure(binder)`` callable."""
        for module in modules:
            with self.collecting(f"module {getattr(module, '__name__', None) or shown(module)}"):
                self.injector.binder.install(module)
        self._binder.complete()

    def build(self, parts: Sequence[Any]) -> dict[Any, Any]:
        """The instance of each class in *parts*; other objects are returned unchanged."""
        binder = self.injector.binder
        for part in parts:
            if isinstance(part, type) and not binder.has_explicit_binding_for(part):
                binder.bind(part, scope=singleton)
                self._built_at_boot.add(part)
        built = {}
        for part in parts:
            with self.collecting(shown(part)):
                built[part] = self.injector.get(part) if isinstance(part, type) else part
        return built

    def create(self, cls: type) -> Any:
        """Return a new instance of *cls*; if a module or a bundle binds *cls*, the bound instance.

        The new instance is not bound; see `replace`.

        Raises:
            ConfigurationError: it cannot be built.
        """
        try:
            is_bound = self.injector.binder.has_explicit_binding_for(cls)
            is_overridden = self._binder.has_override(cls)
            if is_overridden or (is_bound and cls not in self._built_at_boot):
                return self.injector.get(cls)
            return self.injector.create_object(cls)
        except Exception as exc:
            raise ConfigurationError(describe_injection_error(name_of(cls), exc)) from exc

    def replace(self, cls: type, instance: object) -> None:
        """Inject *instance* as *cls* from now on, if boot has built an instance of *cls*."""
        if cls in self._built_at_boot:
            self.injector.binder.bind(cls, to=InstanceProvider(instance))

    def add_resolvers(self, bundles: Iterable[Bundle]) -> None:
        """Build the resolvers of *bundles*; a class is built once, even for several markers."""
        for bundle in bundles:
            with self.collecting(f"bundle {bundle.name!r}"):
                for marker, given in bundle.resolvers.items():
                    built = self.build([given]).get(given) if isinstance(given, type) else given
                    self.resolvers.add(
                        bundle.name, marker, UnbuiltResolver() if built is None else built
                    )
                for cls, default in bundle.default_markers.items():
                    self.resolvers.add_default(bundle.name, cls, default)

    def note_instances(self) -> None:
        """Record the instances that are bound directly, before the services that use them."""
        for number, instance in self._instances().items():
            self._singletons.built.setdefault(number, instance)

    def _instances(self) -> dict[int, Any]:
        """The instances that are bound directly, by identity."""
        # injector has no public list of bindings
        bindings = tuple(self.injector.binder._bindings.values())
        found = (b.provider for b in bindings if isinstance(b.provider, InstanceProvider))
        return {id(i): i for i in (provider.get(self.injector) for provider in found)}

    def build_rest(self) -> None:
        """Build all other singletons; report context managers that would not be closed."""
        # injector has no public list of bindings
        for interface, binding in tuple(self.injector.binder._bindings.items()):
            name = name_of(interface)
            if binding.scope is SingletonScope:
                with self.collecting(name):
                    self.injector.get(interface)
            elif not isinstance(binding.provider, InstanceProvider | AsyncProvider) and (
                is_async_manager(interface)
                or is_async_manager(getattr(binding.provider, "_cls", None))
            ):
                self.problems.append(
                    f"{name} is an async context manager without a scope, so nothing enters or "
                    f"closes it; bind it with scope=singleton (entered at boot) or "
                    f"scope=request_scope (entered for each message)"
                )

    def wrap_async_providers(self) -> None:
        """Prepare the providers that must be awaited or entered, and report those that nothing
        would await, before anything is built."""
        self.problems += wrap_async_providers(self.injector.binder)
        self.problems += bind_parts(self.injector.binder)

    def check_wiring(self) -> None:
        """Report services that cannot be built per message, and overrides that replace nothing."""
        self.problems += self._graph.problems()
        self.problems += self._binder.problems()

    def service(self, key: Any, *, over_http: bool) -> LateArgument | None:
        """Return the source of the service *key*: the singleton, or a service in its scope.

        Singletons are built now; for others the binding is looked up once.

        Returns:
            None if *key* is not bound, or if it needs a connection and the action is *over_http*.

        Raises:
            ConfigurationError: it cannot be built.
        """
        if not self._is_bound(key) or (over_http and self._graph.without_connection(key)):
            return None
        if problems := [*self._graph.problems()]:  # in classes with a scope of their own
            raise ConfigurationError(*(f"asks for a service: {problem}" for problem in problems))
        try:
            binding, _ = self.injector.binder.get_binding(key)
            if binding.scope is SingletonScope or isinstance(binding.provider, InstanceProvider):
                instance = self.injector.get(key)
                return LateArgument(lambda _: instance)
            return self._scoped_service(key, binding)
        except Exception as exc:
            raise ConfigurationError(
                f"asks for a service: {describe_injection_error(name_of(key), exc)}"
            ) from exc

    def unbound(self, key: Any, *, over_http: bool) -> ConfigurationError:
        """The error for a *key* for which `service` returns None."""
        problem = self._graph.without_connection(key) if self._is_bound(key) else None
        return ConfigurationError(problem or unbound_service(key))

    def _is_bound(self, key: Any) -> bool:
        return self.injector.binder.has_explicit_binding_for(key)

    def _scoped_service(self, key: Any, binding: Binding) -> LateArgument:
        """A service that is built while a message is handled, after all services that must be
        awaited or entered for it."""
        injector, provider = self.injector, binding.provider
        scope = injector.get(binding.scope)
        openings = tuple(map(self._opening, self._graph.opened_with(key)))
        if not openings:
            return LateArgument(lambda _: scope.get(key, provider).get(injector))

        async def opened_service(_: Request) -> Any:
            for open_service in openings:
                await open_service()
            return scope.get(key, provider).get(injector)

        return LateArgument(opened_service, is_async=True)

    def _opening(self, key: Any) -> Callable[[], Awaitable[None]]:
        binding, _ = self.injector.binder.get_binding(key)
        scope = self.injector.get(binding.scope)
        assert isinstance(scope, OwnedScope)
        assert isinstance(binding.provider, AsyncProvider)
        return partial(scope.open, key, binding.provider)

    async def get(self, request: Request, service: type[T]) -> T:
        """As `Request.get`."""
        over_http = request.connection is None
        found = self._asked.get((service, over_http))
        if found is None:
            try:
                found = self.service(service, over_http=over_http)
                if found is None:
                    raise self.unbound(service, over_http=over_http)
            except ConfigurationError as exc:
                raise RxKernelError(f"request.get({name_of(service)}) {exc}") from exc
            self._asked[service, over_http] = found
        token = current_request.set(request)
        try:
            given: T = found.call(request)
            return await given if found.is_async else given  # type: ignore[misc]
        finally:
            current_request.reset(token)

    def resolver(self, marker: type[Marker]) -> Resolver:
        """As `Resolvers.find`."""
        return self.resolvers.find(marker)

    def default_marker(self, cls: type[Any]) -> Marker | None:
        """As `Resolvers.default_of`.

        Raises:
            ConfigurationError: only a bundle that is not enabled has one.
        """
        found = self.resolvers.default_of(cls)
        if found is None and (problem := parameter_without_bundle(cls)) is not None:
            raise ConfigurationError(problem)
        return found

    def singletons(self) -> list[object]:
        """The built services except those of the framework, dependencies first."""
        built = self._singletons.built.items()
        return [instance for number, instance in built if number not in self._own]

    def scoped_classes(self) -> list[type]:
        """The bound classes that boot has not built, because their scope is not singleton."""
        # injector has no public list of bindings
        bindings = self.injector.binder._bindings.values()
        scoped = (b.provider for b in bindings if b.scope is not SingletonScope)
        inner = (p.inner if isinstance(p, AsyncProvider) else p for p in scoped)
        return [p._cls for p in inner if isinstance(p, ClassProvider)]

    def managed(self) -> list[Any]:
        """The built services that are async context managers, dependencies first.

        Services of the framework are not included: the application must not enter itself.
        """
        return [
            instance
            for number, instance in self._singletons.built.items()
            if is_async_manager(type(instance))
            and number not in self._own
            and not self._binder.is_lent(instance)
        ]
