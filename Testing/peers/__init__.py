"""Who reads what we write: every row of the table of encodings, read by other people's programs."""
