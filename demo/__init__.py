"""akwarden on one machine: a local cloud, provisioned, with people and roles to play with.

`stage` sets it up (the end-to-end tests stand on it too), `show` is `make demo`, `serve` is
`make serve`.
"""
