"""Schedules: `@every`, `@cron`, `@at` and the `Scheduler`."""
