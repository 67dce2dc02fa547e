"""The gateway: Socket.IO events that call actions by name."""
