"""Actions that clients call over Socket.IO: a calculator, accounts, rooms and files."""

from gateway_app.application import create_application

__all__ = ["create_application"]
