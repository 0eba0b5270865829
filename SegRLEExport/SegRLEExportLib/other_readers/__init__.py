"""What other people's programs see in a SEG file that was just written, compared with what it was made from."""
