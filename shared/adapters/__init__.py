"""The only modules that import a cloud SDK: one per product, one method per API call."""
