"""The interface of a log, which orders the changes of all processes."""

from abc import ABC, abstractmethod

from bundles.state.replica import Replica


class StateLog(ABC):
    """Writes what a replica has pending, and passes the entries of all processes to it."""

    @property
    def problem(self) -> str | None:
        """Why changes do not reach the others, or those of the others do not arrive."""
        return None

    @abstractmethod
    async def start(self, replica: Replica) -> None:
        """Return when the replica has the values of the log, or the log cannot be used now.

        Raises:
            ConfigurationError: what was kept cannot be read.
        """

    @abstractmethod
    def changed(self, delay: float) -> None:
        """The replica has something to write, within *delay* seconds."""

    @abstractmethod
    async def stop(self) -> None:
        """Write what is pending, if that is possible, and end."""
