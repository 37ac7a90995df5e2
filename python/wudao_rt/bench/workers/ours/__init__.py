"""Our side of every bench."""
