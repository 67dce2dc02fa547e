"""HTTP without a library: what every HTTP server, Socket.IO's handshake and `KernelClient` use."""
