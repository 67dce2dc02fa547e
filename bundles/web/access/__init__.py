"""Who may use a directory: the files ``access.py``."""
