"""Files as HTTP sends them, whichever server does: what is open, what is asked of it."""
