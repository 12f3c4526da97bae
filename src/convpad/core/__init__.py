"""Padding, windows and padded operations as integers: the standard library alone."""
