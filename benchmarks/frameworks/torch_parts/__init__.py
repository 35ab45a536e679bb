"""Parts that the two frameworks on PyTorch share; not a framework itself."""
