"""Messages between the processes of an application."""
