"""What the bundle adds to an application."""

from bundles.metacom.failures import Failures
from bundles.metacom.server import MetacomServer
from bundles.metacom.settings import MetacomSettings
from rxkernel import Bundle


class MetacomBundle(Bundle):
    """Serves methods to clients of Metacom, as the npm package ``metacom``."""

    name = "metacom"
    after = ("sessions", "security", "contracts", "autoload")
    listeners = (Failures,)
    servers = (MetacomServer,)
    settings_class = MetacomSettings
