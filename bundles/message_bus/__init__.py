"""A bus between processes: packets by topic, with reconnection. A library for other bundles: it
cannot be enabled."""

from bundles.message_bus.bus_connection import BusConnection, tls_failure
from bundles.message_bus.reconnecting_transporter import ReconnectingTransporter
from bundles.message_bus.topics import check_topic, match_parts
from bundles.message_bus.transporter import (
    BusUnavailableError,
    PacketTooLargeError,
    Receiver,
    Transporter,
)

__all__ = [
    "BusConnection",
    "BusUnavailableError",
    "PacketTooLargeError",
    "Receiver",
    "ReconnectingTransporter",
    "Transporter",
    "check_topic",
    "match_parts",
    "tls_failure",
]
