"""The Metacom protocol of Metarhia, for its npm client and other clients."""

from bundles.metacom.bundle import MetacomBundle
from bundles.metacom.connection import MetacomConnection
from bundles.metacom.server import MetacomServer
from bundles.metacom.settings import MetacomSettings
from bundles.metacom.streams import IncomingStream, OutgoingStream, StreamException
from bundles.metacom.transport import METACOM

__all__ = [
    "METACOM",
    "IncomingStream",
    "MetacomBundle",
    "MetacomConnection",
    "MetacomServer",
    "MetacomSettings",
    "OutgoingStream",
    "StreamException",
]
