"""Machines side by side: figures, tables and page of a comparison."""
