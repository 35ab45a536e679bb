"""Machines compared: which results there are of each, times predicted, figures, tables and the page."""
