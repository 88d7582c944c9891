"""The networks and the training step in PyTorch: what the JAX ones are measured beside."""
