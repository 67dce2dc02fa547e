"""What holds an application together: its parts, its settings, its life."""
