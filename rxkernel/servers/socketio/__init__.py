"""Socket.IO on python-socketio: the only package that imports it."""
