"""Controllers that create their routes in code instead of labelling methods."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from rxkernel.routing.metadata import RouteMetadata


class RouteSource(ABC):
    """The base class of such controllers: pass an instance in ``controllers``. Boot adds its
    `routes`, and those of labelled methods.

    The paths and names can depend on the arguments of the instance, so an application can have
    several instances of one class.
    """

    @abstractmethod
    def routes(self) -> Iterable[RouteMetadata]:
        """Return the routes; called once at boot, and once by a reload that adds this controller.

        Raises:
            ConfigurationError: with every problem of the arguments.
        """
