"""What the frameworks on Keras share, whatever its backend, which is chosen before these are imported."""
