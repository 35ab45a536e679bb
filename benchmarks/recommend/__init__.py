"""Recommendations from all results that there are: which batch size, and which learning rate at another."""
