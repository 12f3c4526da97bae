"""Padding of whole models: readers, audit, comparison, and changes of Keras models."""
