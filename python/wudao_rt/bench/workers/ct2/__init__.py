"""CTranslate2's side."""
