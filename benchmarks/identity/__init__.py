"""Certificates: two frameworks are compared only after a proof that they compute the same numbers."""
