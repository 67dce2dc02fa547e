"""The names of the places, the folders of the root that have a meaning."""

DATA_PLACES = ("resources", "schemas", "config")
"""Places of data, which are read first."""

CODE_PLACES = ("lib", "model", "db", "bus", "domain", "init")
"""Places with hooks, in the order in which they are loaded and started."""

SETUP = "setup"
"""The place of scripts that run once, see `bundles.autoload.setup`."""

STARTED_BEFORE_SETUP = ("lib", "model", "db", "bus")
"""The places whose start hooks run before the scripts of `SETUP`, which use them. The other start
hooks run after the scripts, and use their results."""

LAST_PLACES = ("tasks", "api")
"""Places that are loaded after the start hooks."""

PLACES = (*DATA_PLACES, *CODE_PLACES, SETUP, *LAST_PLACES)
"""The folders that are loaded, in this order. Other folders of the root are ignored."""

SECRET_PLACES = ("config", "bus")
"""Places whose values may be secret, so that errors must not quote them."""

OTHER_FOLDERS = ("cert", "static")
"""Folders of the root whose files are used, but not loaded here."""

DATA_FOLDERS = ("files", "log", "tmp", "doc")
"""Folders of the root for uploads, log files, temporary files and documents. Their files are
neither loaded nor sent."""

CERTIFICATE_FILES = ("cert.pem", "key.pem")
"""The files in each folder of ``cert``."""

NAMESPACES = frozenset(PLACES) - {"tasks", SETUP} | {"application"}
"""The namespaces that files import from ``bundles.autoload``."""

RANKS = {place: rank for rank, place in enumerate(PLACES)}
"""The ranks of places. While a file is executed, it can read files of its own and of earlier
places."""
