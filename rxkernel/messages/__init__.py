"""The messages of the kernel: requests and responses, and the connections of clients."""
