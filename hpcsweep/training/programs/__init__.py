"""How an architecture advances a state by epochs: one protocol, and what all programs around a Keras model share."""
