"""From a draft to files on disk."""
