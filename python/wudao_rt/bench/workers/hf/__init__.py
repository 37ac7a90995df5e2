"""transformers' side."""
