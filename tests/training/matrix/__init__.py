"""Which releases of Keras and its backends train to the bit: `make matrix` tries them, docs/ shows what came out."""
