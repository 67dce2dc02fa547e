"""Who is in a room, in all processes."""
