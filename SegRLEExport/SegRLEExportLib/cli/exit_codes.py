"""What `segrle` ends with."""

DIFFERENT = 1
"""Of `verify` where file and segmentation differ, and of `inspect` where a file has faults."""

REFUSED = 2
"""Where an error was reported; what stands on the disk then is in its text."""

OF_SIGNALS = 128
"""Plus the number of the signal that ended the command, as shells have it."""

INTERRUPTED = OF_SIGNALS + 2
"""After Ctrl-C."""

PIPE_CLOSED = OF_SIGNALS + 13
"""Where the program that reads our output has read enough."""
