"""Runs each night at three, UTC."""

cron = "0 3 * * *"
run = "db.messages.remove_older"
args = {"days": 30}
