"""Is a file what it should be?"""
