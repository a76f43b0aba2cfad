"""Serial lines in a technician's hands: which there are, what a line brings, whether a cable carries both ways."""
