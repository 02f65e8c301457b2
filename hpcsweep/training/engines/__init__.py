"""Which program trains an architecture: measured or asked for, decided once, and kept by all its runs."""
