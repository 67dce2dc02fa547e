"""What the bundle brings to an application."""

from rxkernel import Bundle

from __folder__.header import Header
from __folder__.settings import PlaceholderSettings


class PlaceholderBundle(Bundle):
    name = "__bundle__"
    listeners = (Header,)
    settings_class = PlaceholderSettings
