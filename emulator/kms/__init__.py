"""KMS 2016-01-20: Secrets Manager, and the keys and MACs that go with it."""
