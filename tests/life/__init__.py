"""The whole life of many keys, day by day, against the local cloud."""
