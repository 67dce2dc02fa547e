"""Controllers that make their routes themselves, instead of labelling methods."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from rxkernel.routing.metadata import RouteMetadata


class RouteSource(ABC):
    """Pass an instance in ``controllers``: boot adds the routes of `routes`, and those of labelled
    methods.

    For controllers whose paths and names depend on their arguments, so that an application may
    have several of one class.
    """

    @abstractmethod
    def routes(self) -> Iterable[RouteMetadata]:
        """Return the routes; called once at boot, and once by a reload that adds this controller.

        Raises:
            ConfigurationError: with every problem of the arguments.
        """
