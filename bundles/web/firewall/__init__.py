"""Who may send how much at a time, and who may send nothing."""
