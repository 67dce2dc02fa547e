"""Moleculer's actions and events, and its Socket.IO gateway."""

from bundles.gateway.broker.action import action
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.call_options import CallItem, CallOptions
from bundles.gateway.broker.context import Context, CurrentContext
from bundles.gateway.broker.on_event import on_event
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.broker.wildcards import matches
from bundles.gateway.bundle import GatewayBundle
from bundles.gateway.errors import (
    BadRequestError,
    MaxCallLevelError,
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    MoleculerServerError,
    RequestSkippedError,
    RequestTimeoutError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
    UnAuthorizedError,
    ValidationError,
)
from bundles.gateway.settings import GatewaySettings

__all__ = [
    "ACTIONS",
    "EVENTS",
    "BadRequestError",
    "Broker",
    "CallItem",
    "CallOptions",
    "Context",
    "CurrentContext",
    "GatewayBundle",
    "GatewaySettings",
    "MaxCallLevelError",
    "MoleculerClientError",
    "MoleculerError",
    "MoleculerRetryableError",
    "MoleculerServerError",
    "RequestSkippedError",
    "RequestTimeoutError",
    "Retries",
    "ServiceNotAvailableError",
    "ServiceNotFoundError",
    "UnAuthorizedError",
    "ValidationError",
    "action",
    "matches",
    "on_event",
]
