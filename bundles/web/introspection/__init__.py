"""The page with the handlers of a directory."""
