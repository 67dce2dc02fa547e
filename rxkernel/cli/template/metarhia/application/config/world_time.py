import os

url = os.environ.get("WORLD_TIME_URL", "http://worldtimeapi.org/api")
