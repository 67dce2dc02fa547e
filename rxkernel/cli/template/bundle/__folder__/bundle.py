"""The bundle with its parts."""

from rxkernel import Bundle

from __folder__.response_header import ResponseHeader
from __folder__.settings import PlaceholderSettings


class PlaceholderBundle(Bundle):
    name = "__bundle__"
    listeners = (ResponseHeader,)
    settings_class = PlaceholderSettings
