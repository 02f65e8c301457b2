"""Keras on TensorFlow: all of the package that imports it."""
