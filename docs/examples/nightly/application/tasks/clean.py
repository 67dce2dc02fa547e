cron = "0 3 * * *"
timezone = "Europe/Rome"
run = "domain.reports.clean"
args = {"days": 30}
