"""Events, who listens to them, and in which order."""
