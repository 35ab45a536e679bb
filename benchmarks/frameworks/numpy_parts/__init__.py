"""The parts of the `numpy` framework: every layer, the loss and the update with the gradients by hand.

Notation: L is the loss, d of a name is the gradient of L by it (dy = ∂L/∂y). Arrays are [N, …], examples
first and channels last. Sums over an array's axes are those of the textbook; nothing is differentiated
automatically.
"""
