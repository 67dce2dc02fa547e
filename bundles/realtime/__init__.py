"""The components of IOServer: services, controllers, managers, watchers and middlewares."""

from bundles.realtime.app_handle import AppHandle
from bundles.realtime.bundle import RealtimeBundle
from bundles.realtime.component import Component
from bundles.realtime.controller import Controller, ControllerOptions
from bundles.realtime.event import Data, event
from bundles.realtime.exceptions import IOServerError
from bundles.realtime.ioserver import IOServer
from bundles.realtime.log_level import LogLevel
from bundles.realtime.manager import Manager
from bundles.realtime.middleware import Middleware
from bundles.realtime.route_action import VALIDATION_ERROR
from bundles.realtime.route_entry import RouteEntry, route_entry
from bundles.realtime.route_hooks import Hooks
from bundles.realtime.service import Service
from bundles.realtime.settings import RealtimeSettings
from bundles.tasks import Watcher

__all__ = [
    "VALIDATION_ERROR",
    "AppHandle",
    "Component",
    "Controller",
    "ControllerOptions",
    "Data",
    "Hooks",
    "IOServer",
    "IOServerError",
    "LogLevel",
    "Manager",
    "Middleware",
    "RealtimeBundle",
    "RealtimeSettings",
    "RouteEntry",
    "Service",
    "Watcher",
    "event",
    "route_entry",
]
