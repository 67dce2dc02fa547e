"""Access rules, and the listeners that enforce them."""
