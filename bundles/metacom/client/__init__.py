"""A client of Metacom for asyncio. It works with our server and with Impress 3."""

from bundles.metacom.client.errors import MetacomError
from bundles.metacom.client.metacom import Metacom
from bundles.metacom.client.options import Options
from bundles.metacom.client.unit import Api, Method, Unit

__all__ = [
    "Api",
    "Metacom",
    "MetacomError",
    "Method",
    "Options",
    "Unit",
]
