"""IMS 2019-08-15: the same identities as RAM, addressed by user principal name."""
