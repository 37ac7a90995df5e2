"""What is measured on poems: form, copies, repeated characters, tones, and the vocabulary they are spelt with."""
