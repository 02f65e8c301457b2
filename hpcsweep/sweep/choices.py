"""Words of sweep files and profiles on which later rooms act. No pydantic here, because workers read them too."""

from __future__ import annotations

from hpcsweep.machine import StrEnum


class Engine(StrEnum):
    """The training loop of Keras jobs."""

    AUTO = "auto"  # chosen once per architecture and kind of device
    FIT = "fit"  # Keras's own
    COMPILED = "compiled"  # whole epochs in one call
    COMPILED_XLA = "compiled-xla"  # the same, by XLA
    STACKED = "stacked"  # several runs in one program
    FASTEST = "fastest"  # auto, or stacked where that is measured to be faster


class StackOrder(StrEnum):
    """In which order the members of a stack see the examples."""

    OWN = "own"  # each as if it trained alone
    SHARED = "shared"  # all in the same order


class Isolation(StrEnum):
    """What a trajectory has to itself."""

    WORKER = "worker"  # nothing: a worker trains one after the other in its process
    PROCESS = "process"  # a process


class ContinueBy(StrEnum):
    """How unfinished work continues when a worker's time ends."""

    REQUEUE = "requeue"  # the array task puts itself back into the queue
    RESUBMIT = "resubmit"  # it submits a successor
    CHAIN = "chain"  # its successors were queued beforehand
    MANUAL = "manual"  # somebody types `hpcsweep resume`


EACH = "each"  # workers: one per trajectory
AUTO = "auto"  # workers_per_gpu: as many as fit
EPOCHS = "epochs"  # the parameter in which the runs of a trajectory differ, where the job has it
RUN = "run"  # the parameter that is the run itself
SEED = "seed"  # the parameter, or the field, that is the seed of the run
