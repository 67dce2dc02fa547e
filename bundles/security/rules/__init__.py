"""Access rules: what they say, and where they are enforced."""
