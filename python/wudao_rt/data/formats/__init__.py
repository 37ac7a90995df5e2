"""Readers of the old file formats that some texts are packed in."""
