"""RAM's policy language: `language` parses, `conditions` compares, `evaluation` decides."""
