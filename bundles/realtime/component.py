"""`Component`: the base of services, controllers and managers."""

from injector import inject

from bundles.realtime.app_handle import AppHandle


class Component:
    """A class with an `AppHandle`. The constructor of a subclass must call this one."""

    @inject
    def __init__(self, app_handle: AppHandle) -> None:
        self.app_handle = app_handle
