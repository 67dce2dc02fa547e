"""The extensions of an application."""

from bundles.web.extensions.csv import CSV
from bundles.web.extensions.json import JSON
from bundles.web.extensions.jsonp import JSONP
from bundles.web.extensions.xml import XML

BUILT_IN = (JSON, JSONP, XML, CSV)
