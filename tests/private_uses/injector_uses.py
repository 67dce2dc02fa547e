"""The private uses of injector, which has no public list of bindings."""

from typing import Any

import injector

from tests.private_uses.private_use import PrivateUse, require

_BINDER = injector.Injector(auto_bind=False).binder

_ASYNC = "application/async_providers.py"
_BUILDING = "application/bundle_building.py"
_CONTAINER = "application/injector_container.py"
_ERRORS = "application/injection_errors.py"
_GRAPH = "application/binding_graph.py"
_PARTS = "application/multibindings.py"
_OVERRIDES = "application/overrides.py"
_ROOT = "application/composition_root.py"
_SCOPES = "kernel/scopes.py"


def _check_bindings() -> None:
    binder = injector.Injector(auto_bind=False).binder
    binder.bind(int, to=1)
    binding = binder._bindings[int]
    require(isinstance(binding, injector.Binding))
    require((binding.interface, binding.scope) == (int, injector.NoScope))
    require(binding.provider.get(binder.injector) == 1)


def _check_parts() -> None:
    binder = injector.Injector(auto_bind=False).binder
    binder.multibind(list[int], to=[1])
    provider = binder._bindings[_key(list[int])].provider
    assert isinstance(provider, injector.MultiBinder)
    (part,) = provider._multi_bindings
    require(isinstance(part, injector.Binding))


def _check_parts_of_dict() -> None:
    binder = injector.Injector(auto_bind=False).binder
    binder.multibind(dict[str, int], to={"one": 1})
    provider = binder._bindings[_key(dict[str, int])].provider
    assert isinstance(provider, injector.MultiBinder)
    (part,) = provider._multi_bindings
    assert isinstance(part.provider, injector.KeyValueProvider)
    require(part.provider._key == "one")
    require(part.provider._provider.get(binder.injector) == 1)


def _key(interface: Any) -> Any:
    return interface


def _check_call_error() -> None:
    class Needy:
        def __init__(self, missing: int) -> None: ...

    try:
        injector.Injector(auto_bind=False).create_object(Needy)
    except injector.CallError as exc:
        require(isinstance(exc.args[4], TypeError))
    else:
        require(False)


def _check_unsatisfied() -> None:
    error = injector.UnsatisfiedRequirement(list, int)
    require((error.owner, error.interface) == (list, int))


INJECTOR = (
    PrivateUse(
        name="injector.Binder._bindings",
        files=(_ASYNC, _CONTAINER, _GRAPH, _OVERRIDES, _PARTS),
        why="boot reads all bindings, and replaces those of async services and of overrides",
        check=_check_bindings,
    ),
    PrivateUse(
        name="injector.ClassProvider._cls",
        files=(_ASYNC, _CONTAINER, _GRAPH, _PARTS),
        why="the dependencies of a class are checked without building it",
        check=lambda: require(injector.ClassProvider(int)._cls is int),
    ),
    PrivateUse(
        name="injector.CallableProvider._callable",
        files=(_ASYNC, _GRAPH, _PARTS),
        why="the dependencies of a function are checked without calling it",
        spelled=("provider._callable",),
        check=lambda: require(injector.CallableProvider(_key)._callable is _key),
    ),
    PrivateUse(
        name="injector.MultiBinder._multi_bindings",
        files=(_PARTS,),
        why="the parts of a list or a dict are checked, built at boot, or bound by themselves",
        check=_check_parts,
    ),
    PrivateUse(
        name="injector.KeyValueProvider",
        files=(_PARTS,),
        why="the part of a dict",
        check=_check_parts_of_dict,
    ),
    PrivateUse(
        name="injector.KeyValueProvider._key",
        files=(_PARTS,),
        why="the part of a dict",
        spelled=("provider._key",),
        check=_check_parts_of_dict,
    ),
    PrivateUse(
        name="injector.KeyValueProvider._provider",
        files=(_PARTS,),
        why="the part of a dict",
        spelled=("provider._provider",),
        check=_check_parts_of_dict,
    ),
    PrivateUse(
        name="injector.Binding",
        files=(_ASYNC, _CONTAINER, _GRAPH, _OVERRIDES, _PARTS),
        why="replaces a binding",
        accepts=lambda signature: signature.bind("interface", "provider", "scope"),
    ),
    PrivateUse(
        name="injector.Binder.__init__",
        files=(_OVERRIDES,),
        why="the binder of an application replaces the one of the injector",
        spelled=(),
        accepts=lambda signature: signature.bind("self", "injector", auto_bind=False),
    ),
    PrivateUse(
        name="injector.Binder.bind",
        files=(_OVERRIDES,),
        why="overridden: an override is bound with the service that it replaces",
        spelled=("super().bind",),
        parameters=("self", "interface", "to", "scope"),
    ),
    PrivateUse(
        name="injector.Binder.multibind",
        files=(_OVERRIDES,),
        why="overridden: an override is bound with the service that it replaces",
        spelled=("super().multibind",),
        parameters=("self", "interface", "to", "scope"),
    ),
    PrivateUse(
        name="injector.Binder.create_binding",
        files=(_OVERRIDES,),
        why="the binding of an override",
        parameters=("self", "interface", "to", "scope"),
    ),
    PrivateUse(
        name="injector.Binder.get_binding",
        files=(_CONTAINER, _GRAPH, _OVERRIDES, _ROOT),
        why="the provider and the scope of a service; overridden: a class with a scope of its own",
        parameters=("self", "interface"),
    ),
    PrivateUse(
        name="injector.Binder.has_binding_for",
        files=(_OVERRIDES,),
        why="overridden: a class with a scope of its own is bound",
        spelled=("super().has_binding_for",),
        parameters=("self", "interface"),
    ),
    PrivateUse(
        name="injector.Binder.has_explicit_binding_for",
        files=(_CONTAINER, "application/testing.py"),
        why="whether a module or a bundle binds a service",
        parameters=("self", "interface"),
    ),
    PrivateUse(
        name="injector.Binder.injector",
        files=(_ASYNC, _PARTS),
        why="the injector that providers are called with",
        spelled=("binder.injector",),
        check=lambda: require(isinstance(_BINDER.injector, injector.Injector)),
    ),
    PrivateUse(
        name="injector.Injector.binder",
        files=(_BUILDING, _CONTAINER, _ROOT, "application/testing.py"),
        why="replaced by a binder that knows overrides",
        spelled=("injector.binder", "_injector.binder"),
        check=lambda: require(isinstance(_BINDER.injector.binder, injector.Binder)),
    ),
    PrivateUse(
        name="injector.SingletonScope.get",
        files=(_CONTAINER,),
        why="overridden: the order in which singletons are built",
        spelled=("super().get",),
        parameters=("self", "key", "provider"),
    ),
    PrivateUse(
        name="injector.SingletonScope.configure",
        files=(_CONTAINER,),
        why="overridden: the order in which singletons are built",
        spelled=("super().configure",),
        parameters=("self",),
    ),
    PrivateUse(
        name="injector.Scope.injector",
        files=(_SCOPES, _CONTAINER, _OVERRIDES),
        why="the injector that providers are called with",
        spelled=("self.injector",),
        check=lambda: require(isinstance(_scope().injector, injector.Injector)),
    ),
    PrivateUse(
        name="injector.CallError.args",
        files=(_ERRORS,),
        why="the fifth argument is the error that the message quotes",
        spelled=(),
        check=_check_call_error,
    ),
    PrivateUse(
        name="injector.UnsatisfiedRequirement.__init__",
        files=(_ERRORS, _GRAPH),
        why="owner and interface, for the message",
        spelled=("exc.owner", "exc.interface", "UnsatisfiedRequirement"),
        check=_check_unsatisfied,
    ),
)


def _scope() -> injector.NoScope:
    return injector.NoScope(_BINDER.injector)
