"""Ways of telling people something unasked: one file each, each implements `ports.Messenger`."""
