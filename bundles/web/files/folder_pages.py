"""The interface by which static files ask for the pages of folders."""

from abc import ABC, abstractmethod

from rxkernel import Request, Response


class FolderPages(ABC):
    """The pages of folders. *folder* is relative to ``app``, without slashes around it."""

    @abstractmethod
    def lists_files(self, folder: str) -> bool:
        """Whether the files of *folder* are listed: ``access.index``."""

    @abstractmethod
    def introduction_of(self, request: Request, folder: str) -> Response | None:
        """Return the page with the handlers of *folder*; None unless ``access.intro`` is true."""

    @abstractmethod
    def introduces(self, folder: str) -> bool:
        """Whether `introduction_of` returns a page."""

    @abstractmethod
    def has_handlers(self, folder: str) -> bool:
        """Whether *folder* itself has handlers."""
