"""PyTorch's side."""
