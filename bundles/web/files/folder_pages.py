"""What the static files know of the folders of the tree."""

from abc import ABC, abstractmethod

from rxkernel import Request, Response


class FolderPages(ABC):
    """Knows which folders have a page. *folder* is relative to ``app``, without slashes around."""

    @abstractmethod
    def lists_files(self, folder: str) -> bool:
        """Whether the files of *folder* are listed: ``access.index``."""

    @abstractmethod
    def introduction_of(self, request: Request, folder: str) -> Response | None:
        """Return the page with the handlers of *folder*: ``access.intro``; None if it has none."""

    @abstractmethod
    def introduces(self, folder: str) -> bool:
        """Whether `introduction_of` returns a page."""

    @abstractmethod
    def has_handlers(self, folder: str) -> bool:
        """Whether *folder* itself has handlers."""
