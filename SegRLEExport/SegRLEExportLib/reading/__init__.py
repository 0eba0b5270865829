"""SEG files, ours and everybody's, read."""
