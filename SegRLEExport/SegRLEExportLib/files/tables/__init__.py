"""Tables that say what label values are: one room a format, and the one function that applies them."""
