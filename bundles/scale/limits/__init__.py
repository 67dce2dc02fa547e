"""Limits of calls: `@limit` on definitions, counted in memory or in Redis."""
