"""Examples: each is a folder or a file that runs by itself."""
