"""The loops around a program: when a training stops, pauses, begins again, for one net and for a stack of nets."""
