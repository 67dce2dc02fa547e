"""The error for which a session is closed."""

from rxkernel.servers.disconnect_reason import DisconnectReason

PROTOCOL_ERROR = "protocol error"
"""The counter for violations of the protocol."""


class ProtocolError(ValueError):
    """The client violated the protocol, or exceeded the limit of *setting*."""

    def __init__(self, message: str, setting: str = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.setting = setting

    @property
    def reason(self) -> DisconnectReason:
        """The reason with which the connections of the session end."""
        is_limit = self.setting != PROTOCOL_ERROR
        return DisconnectReason.LIMIT if is_limit else DisconnectReason.TRANSPORT_ERROR
