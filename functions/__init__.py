"""Function Compute's entry points: read, verify, call one use case, answer."""
