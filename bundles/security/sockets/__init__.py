"""The identities of sockets, which live as long as their credentials."""
