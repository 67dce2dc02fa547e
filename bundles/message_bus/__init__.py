"""A bus between processes: packets by topic, with reconnection. A library for other bundles: it
cannot be enabled."""

from bundles.message_bus.bus_connection import BusConnection, tls_failure
from bundles.message_bus.reconnecting_transporter import ReconnectingTransporter
from bundles.message_bus.transporter import (
    BusUnavailableError,
    PacketTooLargeError,
    Receiver,
    Transporter,
    check_topic,
)

__all__ = [
    "BusConnection",
    "BusUnavailableError",
    "PacketTooLargeError",
    "Receiver",
    "ReconnectingTransporter",
    "Transporter",
    "check_topic",
    "tls_failure",
]
