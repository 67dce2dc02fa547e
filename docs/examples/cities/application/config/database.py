import os

path = os.environ.get("CITIES_DATABASE", ":memory:")
timeout = 2.0
