"""Socket.IO on the port of the application: ``python -m rxkernel serve gateway_app.one_port``."""

import gateway_app.application
from gateway_app.page import Page
from gateway_app.public_files import PUBLIC
from rxkernel import Application, HttpSettings, Settings, StaticFiles


def create_application(port: int = 8080) -> Application:
    settings = Settings(http=HttpSettings(port=port))
    return gateway_app.application.create_application(settings, [Page, StaticFiles(PUBLIC)])
