"""What a client sends to prove who it is, and who that is."""
