"""Classical Chinese verse: reading the package, cleaning, and splitting off what is held out."""
