"""Measurements: one module each, its unit in the name of what it returns."""
