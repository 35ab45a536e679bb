"""What the frameworks on Keras share, whatever its backend: import these files after the backend is chosen."""
