"""A study: the grid that a configuration names, and what is refused of it."""
