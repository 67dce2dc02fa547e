"""The files ``access.py``: who may request a directory."""
