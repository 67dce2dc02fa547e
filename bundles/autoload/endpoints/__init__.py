"""What clients can call: the files of ``api`` as definitions."""
