"""One adapter per file, with its real SDK, against the emulator in this process."""
