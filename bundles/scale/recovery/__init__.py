"""Connection state recovery (Socket.IO 4.6), in memory or on Redis Streams."""
