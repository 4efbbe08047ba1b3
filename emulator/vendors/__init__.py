"""Small servers of the vendors whose records akwarden fetches, beside the cloud: for tests.

Shaped by their public documentation; what no page says is a choice, named where it is made.
"""
