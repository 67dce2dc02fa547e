schema = {"path": "string", "timeout": "number"}
