"""Remote services as functions: ``await bus.world_time.current_time(area="Europe")``.

`Service` is built from ``_service.py`` of a folder, `RemoteMethod` from another file in it. For a
call, `request_template` makes the request, `service` sends and repeats it (`retries`) within its
limits (`admission`) and its circuit (`circuit_breaker`), and `exchange` sends it once.
"""

from bundles.autoload.remote.environment import BusEnvironment
from bundles.autoload.remote.exceptions import (
    RemoteConnectionException,
    RemoteException,
    RemoteResponseException,
    RemoteStatusException,
    RemoteTimeoutException,
    RemoteUnavailableException,
)
from bundles.autoload.remote.remote_method import RemoteMethod
from bundles.autoload.remote.service import Service

__all__ = [
    "BusEnvironment",
    "RemoteConnectionException",
    "RemoteException",
    "RemoteMethod",
    "RemoteResponseException",
    "RemoteStatusException",
    "RemoteTimeoutException",
    "RemoteUnavailableException",
    "Service",
]
