"""What is known of an export before it begins."""
