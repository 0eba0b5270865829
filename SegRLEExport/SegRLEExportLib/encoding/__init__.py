"""How frames become bytes, and the table of what may be combined."""
