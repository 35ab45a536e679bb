"""The training of one cell, with any framework, in a process of its own."""
