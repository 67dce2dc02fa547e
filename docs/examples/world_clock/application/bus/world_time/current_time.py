method = {"get": "timezone", "path": ["area", "location"]}
parameters = {"area": "string", "location": "string"}
returns = {"datetime": "string", "timezone": "string"}
