"""Studies: the grid that a configuration describes, and the checks that a configuration must pass."""
