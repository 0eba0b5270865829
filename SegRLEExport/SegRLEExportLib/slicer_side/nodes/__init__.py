"""From MRML nodes and back; no Qt."""
