"""HTTP without a library, for every HTTP server, Socket.IO's handshake and `KernelClient`."""
