"""What listens on a port and hands requests to the kernel."""
