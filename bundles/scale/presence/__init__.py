"""The users who are present in rooms, in all processes."""
