"""The application of the directory in the variable ``AUTOLOAD_ROOT``, with live reload."""

import os

from bundles.autoload import AutoloadBundle, AutoloadSettings
from bundles.contracts import ContractsBundle
from rxkernel import Application, Settings


def create() -> Application:
    return Application(
        bundles=[ContractsBundle, AutoloadBundle(os.environ["AUTOLOAD_ROOT"])],
        settings=Settings(bundles={"autoload": AutoloadSettings(reload=True)}),
    )
