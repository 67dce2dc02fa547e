"""Lets several nodes share their actions and events by the protocol of Moleculer."""
