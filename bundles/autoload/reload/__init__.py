"""Changed files are loaded while the application runs."""
