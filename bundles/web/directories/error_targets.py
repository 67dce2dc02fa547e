"""Decides which errors are sent as pages."""

from bundles.web.directories.handler_chain import Chain
from bundles.web.files.web_files import WebFiles
from bundles.web.templates.pages import PAGES
from rxkernel import Request, Transport, accepts_html


def expects_page(request: Request) -> bool:
    """Whether an error of *request* is sent as a page of the tree, if there is one.

    Yes for a directory of HTML, unless the client accepts only other types. For files and unknown
    paths, only if ``Accept`` names HTML: scripts and ``curl`` accept ``*/*``.
    """
    definition = request.definition
    if definition is None:
        is_path = request.transport is Transport.HTTP and request.route_name is None
        return is_path and accepts_html(request)
    target = definition.metadata.target
    if isinstance(target, Chain):
        return target.directory.extension.name in PAGES and accepts_html(request, by_range=True)
    return isinstance(target, WebFiles) and accepts_html(request)
