"""Several nodes that share their actions and events, by the protocol of Moleculer."""
