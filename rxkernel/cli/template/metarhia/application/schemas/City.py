"""A schema that others refer to as ``City``."""

schema = {"name": "string", "area": "number", "region": "string"}
