"""The module's own panel."""
