"""A log of broadcasts that also sends them to the other processes."""

from abc import ABC, abstractmethod


class ClusterLog(ABC):
    """Is a `ConnectionRecovery` too: what it records reaches the other processes."""

    @property
    @abstractmethod
    def is_reachable(self) -> bool:
        """Whether broadcasts reach the other processes, as far as is known."""

    @abstractmethod
    async def start(self) -> None:
        """The link has started."""

    @abstractmethod
    async def stop(self) -> None:
        """Write what waits; the link stops."""
