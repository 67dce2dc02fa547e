"""The identities of sockets, which end with their credentials."""
