"""The training of one cell, over any framework, in a process of its own."""
