"""Plain frozen values that pass between the stations of an export."""
