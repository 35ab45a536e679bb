"""The training of one cell, over any framework."""
