"""The attributes of a SEG: one file for each group of modules of PS3.3, joined in `build`."""
