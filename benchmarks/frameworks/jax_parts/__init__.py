"""What the framework on top of JAX is made of; no framework itself."""
