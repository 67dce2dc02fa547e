method = {"post": "reports", "body": ["text", "tags"]}
query = {"prefix": "_", "params": ["lang", "urgent"]}
