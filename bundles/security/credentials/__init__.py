"""The credentials that clients send, and the users that they belong to."""
