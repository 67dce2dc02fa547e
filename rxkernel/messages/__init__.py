"""The messages of the kernel: requests, responses, and the connections of clients."""
