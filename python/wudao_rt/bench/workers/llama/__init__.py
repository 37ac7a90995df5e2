"""llama.cpp's side."""
