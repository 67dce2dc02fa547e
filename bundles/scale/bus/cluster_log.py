"""A log of broadcasts that also sends them to the other processes."""

from abc import ABC, abstractmethod


class ClusterLog(ABC):
    """Is a `ConnectionRecovery` too: the events that it records reach the other processes."""

    @property
    @abstractmethod
    def is_reachable(self) -> bool:
        """Whether broadcasts reach the other processes, as far as is known."""

    @abstractmethod
    async def start(self) -> None:
        """Start; called after the link has started."""

    @abstractmethod
    async def stop(self) -> None:
        """Write the waiting events; called before the link stops."""
