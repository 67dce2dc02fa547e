"""How a result is sent: by the extension of the directory."""
