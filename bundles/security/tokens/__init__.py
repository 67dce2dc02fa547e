"""Access tokens and refresh tokens: their keys, stores and revocation."""
