"""Caches of results of actions: in memory and in Redis, with the keys of Moleculer."""
