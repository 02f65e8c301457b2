"""What a run is: all that training changes, as arrays; how it is seeded; the order of its data.

Workers import `variables`, to see whether a job draws from Keras's seeds while it is imported.
"""

from hpcsweep.training.state.variables import weights_sha256

__all__ = ["weights_sha256"]
