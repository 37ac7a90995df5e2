"""Texts, tokenizers and the training objectives built from them."""
