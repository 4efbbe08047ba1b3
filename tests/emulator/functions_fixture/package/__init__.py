"""A package as FC's loader wants it."""
