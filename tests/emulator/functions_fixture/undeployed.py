"""Listed in .fcignore: on FC it would not be there."""
