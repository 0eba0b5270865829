"""What `segrle` ends with."""

DIFFERENT = 1
"""Exit code of `verify` where file and segmentation differ, and of `inspect` where a file has faults."""

REFUSED = 2
"""Exit code where an error was reported: nothing was written."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
