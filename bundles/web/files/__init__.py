"""Files that clients send and receive."""
