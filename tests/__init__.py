"""All tests of the project: unit, integration, emulator, e2e."""
