"""Workers that get their connections from a supervisor, which has accepted them."""
