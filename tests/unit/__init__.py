"""Tests of the pure modules: no sockets, no clock, no environment."""
