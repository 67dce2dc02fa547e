"""The forms of results, by the extension of their directory."""
