"""The formats in which results are sent, by the extension of the directory."""
