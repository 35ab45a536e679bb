"""The parts of the `numpy` framework: layers, loss and update, with every gradient derived by hand.

Notation: L is the loss, and a d in front of a name is the gradient of L with respect to it (dy = ∂L/∂y).
Arrays are [N, …], with the examples first and channels last. Nothing is differentiated automatically.
"""
