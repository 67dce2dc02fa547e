from bundles.autoload import config

url = config.world_time.url
headers = {"Authorization": f"Bearer {config.world_time.token}"}
limits = [{"calls": 10, "per": "1m"}, {"calls": 1000, "per": "1d"}]
