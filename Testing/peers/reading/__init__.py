"""What runs in the child process: one file for each program that reads. Knows nothing of the writer."""
