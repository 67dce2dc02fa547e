"""``application.backend``: events for the processes of a site."""
