import os

url = os.environ.get("WORLD_TIME_URL", "https://time.example/api")
token = os.environ.get("WORLD_TIME_TOKEN", "demo")
