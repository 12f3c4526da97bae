"""Is convpad as fast as zero padding, and faster than what is used instead? The suite that shows it."""
