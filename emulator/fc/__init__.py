"""Function Compute: the functions of an s.yaml, run as FC runs them."""
