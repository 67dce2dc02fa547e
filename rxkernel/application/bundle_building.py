"""Sets up bundles in order: builds them, and lets them bind their services.

Each bundle is bound too, so services and later bundles can inject it by its class.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from injector import CallableProvider, Injector, InstanceProvider, Provider
from injector import Error as InjectorError

from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_rules import BundleOrClass, check_bundle, class_of
from rxkernel.application.injection_errors import describe_injection_error, shown
from rxkernel.application.settings_sources import default_section
from rxkernel.exception_text import place_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest
from rxkernel.settings import Settings


def build_bundles(
    injector: Injector, found: Sequence[BundleOrClass], settings: Settings
) -> list[Bundle]:
    """Build the classes in *found*, let each bundle bind its services, and bind the bundle itself.

    It is bound to its class, and to each base class that no other bundle of *found* has.

    Raises:
        ConfigurationError: with every bundle that cannot be built.
    """
    builder = _Builder(injector, settings)
    counts = Counter(kind for bundle in found for kind in _kinds(bundle))
    own = {bundle.name: [k for k in _kinds(bundle) if counts[k] == 1] for bundle in found}
    for bundle in found:
        builder.bind(own[bundle.name], _refusing(_LaterError(bundle.name)))
    built: list[Bundle] = []
    errors: list[ConfigurationError] = []
    for bundle in found:
        try:
            built.append(builder.build(bundle))
            builder.bind(own[bundle.name], InstanceProvider(built[-1]))
        except ConfigurationError as error:
            errors.append(error)
            builder.bind(own[bundle.name], _refusing(error))
    if errors:
        raise ConfigurationError.merge(errors) from errors[0]
    return built


class _LaterError(Exception):
    """A bundle is injected before it is set up."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Builder:
    def __init__(self, injector: Injector, settings: Settings) -> None:
        self._injector = injector
        self._settings = settings

    def bind(self, kinds: Iterable[type[Bundle]], provider: Provider[Any]) -> None:
        for kind in kinds:
            self._injector.binder.bind(kind, to=provider)

    def build(self, bundle: BundleOrClass) -> Bundle:
        """Return the instance, after it has bound its services.

        Raises:
            ConfigurationError: its code raised an exception.
        """
        try:
            self._bind_settings(bundle)
            built = self._injector.create_object(bundle) if isinstance(bundle, type) else bundle
            check_bundle(built)
            self._injector.binder.install(built.configure)
        except (ConfigurationError, KeyboardInterrupt):
            raise
        except _LaterError as exc:
            raise ConfigurationError(
                f"bundle {bundle.name!r} injects the bundle {exc.name!r}, which is set up later; "
                f"write after = ({exc.name!r},) in {class_of(bundle).__qualname__}"
            ) from exc
        except BaseException as exc:
            place = "" if isinstance(exc, InjectorError) else place_of(exc)
            problem = f"{describe_injection_error(f'bundle {bundle.name!r}', exc)}{place}"
            raise ConfigurationError(problem) from exc
        return built

    def _bind_settings(self, bundle: BundleOrClass) -> None:
        if (kind := bundle.settings_class) is None:
            return
        given = self._settings.bundles.get(bundle.name)
        own = default_section(bundle.name, kind) if given is None else given
        if not isinstance(own, kind):
            raise ConfigurationError(
                f"bundle {bundle.name!r}: its settings are a {type(own).__qualname__}; write "
                f"Settings(bundles={{{bundle.name!r}: {kind.__qualname__}(…)}})"
            )
        self._injector.binder.bind(kind, to=own)


def unread_settings(settings: Settings, bundles: Iterable[Bundle]) -> Iterator[str]:
    """Yield a problem for each entry in `Settings.bundles` that none of *bundles* reads."""
    kinds = {bundle.name: bundle.settings_class for bundle in bundles}
    known = [name for name, kind in kinds.items() if kind is not None]
    for name in settings.bundles:
        if name in known:
            continue
        what = f"Settings(bundles={{{shown(name)}: …}}) has no effect:"
        if name in kinds:
            yield f"{what} the bundle has no settings_class; remove these settings"
        elif near := nearest(str(name), known):
            yield f"{what} no such bundle is enabled; did you mean {near!r}?"
        else:
            yield f"{what} no such bundle is enabled; enable it, or remove its settings"


def _kinds(bundle: BundleOrClass) -> list[type[Bundle]]:
    """The classes that *bundle* is an instance of, without `Bundle` itself."""
    kinds = class_of(bundle).__mro__
    return [kind for kind in kinds if issubclass(kind, Bundle) and kind is not Bundle]


def _refusing(error: Exception) -> Provider[Any]:
    """A provider that raises *error*."""

    def fail() -> Any:
        raise error

    return CallableProvider(fail)
