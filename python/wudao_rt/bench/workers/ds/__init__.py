"""The side of DeepSpeed."""
