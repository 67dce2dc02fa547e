"""The services of the stage ``lazy``."""

from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from bundles.web.client import Client
from bundles.web.directories.chain_compiler import Step
from bundles.web.directories.handler import Handler
from bundles.web.directories.services import Services
from rxkernel import Inject

_UNIONS = (Union, UnionType)


def with_lazy_services(lazy: Step, handlers: Iterable[Handler], services: Services) -> Step:
    """Return *lazy* with the services of its *handlers*.

    Context managers of the request were exited before the response was sent. Those that *lazy*
    takes are entered again, and exited with its exception, see `Request.after_sending`.
    """
    found = [each for handler in handlers for each in _services_of(handler, services)]
    if not found:
        return lazy

    async def opened(client: Client) -> None:
        provided = dict(client.provided)
        for key, service, default in found:
            if provided[key] is not None and provided[key] is not default:  # else: not bound
                provided[key] = await client.request.get(service)
        client.provided = provided
        await lazy(client)

    return opened


def _services_of(handler: Handler, services: Services) -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys in ``client.provided``, the services, and the defaults of the parameters."""
    keys = services.keys_of(handler)
    for name, parameter in handler.parameters.items():
        for service in _injected(parameter.annotation):
            yield keys[name], service, parameter.default


def _injected(annotation: Any) -> Iterator[Any]:
    """Yield the service that ``Inject`` in *annotation* marks, without the None of a union."""
    annotation = getattr(annotation, "__value__", annotation)
    if get_origin(annotation) in _UNIONS:
        for member in get_args(annotation):
            yield from _injected(member)
    elif get_origin(annotation) is Annotated and any(map(_is_inject, annotation.__metadata__)):
        yield _bare(annotation.__origin__)


def _is_inject(marker: Any) -> bool:
    return marker is Inject or isinstance(marker, Inject)


def _bare(service: Any) -> Any:
    if get_origin(service) not in _UNIONS:
        return service
    return Union[tuple(each for each in get_args(service) if each is not NoneType)]  # noqa: UP007
