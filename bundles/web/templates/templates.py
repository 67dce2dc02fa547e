"""What renders templates."""

from collections.abc import Mapping
from typing import Any, Protocol

from bundles.web.directories.directory import Directory
from bundles.web.templates.template_file import TemplateFile
from rxkernel import ConfigurationError, Request


class TemplateClient(Protocol):
    """What templates use of a `Client`."""

    @property
    def request(self) -> Request: ...

    @property
    def directory(self) -> Directory: ...

    @property
    def user(self) -> Any: ...


class Templates:
    """Renders the templates of one tree: it may compile them, and keep the results.

    Args:
        directories: those of the tree, by path.
    """

    def __init__(self, directories: Mapping[str, Directory]) -> None:
        self._directories = directories

    def render(self, client: TemplateClient, template: TemplateFile, data: Any) -> str:
        """Return the text of *template* with *data*, for the request of *client*."""
        raise ConfigurationError("templates are not rendered yet")
