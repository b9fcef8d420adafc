"""The rules of the machine, and the one loop that applies them."""
