"""An application that uses remote services."""

from pathlib import Path

from bundles.autoload import AutoloadBundle
from rxkernel import Application

application = Application(bundles=[AutoloadBundle(Path(__file__).with_name("application"))])
