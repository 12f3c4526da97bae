"""Benchmark suite: convpad next to zero padding and to the usual workarounds."""
