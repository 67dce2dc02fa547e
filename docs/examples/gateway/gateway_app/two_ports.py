"""Socket.IO on a port of its own: ``python -m rxkernel serve gateway_app.two_ports``."""

import gateway_app.application
from gateway_app.page import Page
from gateway_app.public_files import PUBLIC
from rxkernel import Application, HttpSettings, Settings, SocketioSettings, StaticFiles


def create_application(port: int = 8080, socket_port: int = 8081) -> Application:
    """For a browser, the page on *port* is of another origin than *socket_port*."""
    settings = Settings(
        http=HttpSettings(port=port, origins=(f"http://127.0.0.1:{port}",)),
        socketio=SocketioSettings(port=socket_port),
    )
    return gateway_app.application.create_application(settings, [Page, StaticFiles(PUBLIC)])
