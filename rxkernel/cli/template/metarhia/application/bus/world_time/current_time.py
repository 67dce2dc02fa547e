method = {"get": "timezone", "path": ["area", "location"]}
