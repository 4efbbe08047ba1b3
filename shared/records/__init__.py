"""One file per vendor: what its record says, in common words. Pure, and as strict as it is wide:
a record that cannot be read decides nothing."""
