"""Certificates: two trainings are compared only after they were shown to compute the same numbers."""
