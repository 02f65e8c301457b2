"""Command jobs: a program of any language is started, its metrics are read as they come, and it is stopped in time."""
