"""Keras on JAX: all of the package that imports it."""
