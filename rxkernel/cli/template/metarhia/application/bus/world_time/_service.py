"""A remote service. The other files of the folder are its methods."""

from bundles.autoload import config

url = config.world_time.url
timeout = 5
