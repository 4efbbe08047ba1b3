"""One file per approval source: pure verification of a signed request."""
