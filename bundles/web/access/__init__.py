"""The files ``access.py``, which set the clients that may request a directory."""
