"""What the frameworks on top of PyTorch are made of; no framework itself."""
