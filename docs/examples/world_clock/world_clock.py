"""An application that uses remote services."""

from pathlib import Path

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from rxkernel import Application

root = Path(__file__).with_name("application")
application = Application(bundles=[ContractsBundle, AutoloadBundle(root)])
