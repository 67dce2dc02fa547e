"""`Component`: what services, controllers and managers have in common."""

from injector import inject

from bundles.realtime.app_handle import AppHandle


class Component:
    """A class with an `AppHandle`. A subclass with a constructor of its own calls this one."""

    @inject
    def __init__(self, app_handle: AppHandle) -> None:
        self.app_handle = app_handle
