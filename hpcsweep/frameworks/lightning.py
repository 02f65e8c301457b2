"""`RunCallback`: a Lightning trainer logs its epochs into a run, keeps checkpoints, and stops when the run must."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from hpcsweep.errors import UsageError

FILE = "lightning.ckpt"


class Run(Protocol):
    """What the callback asks of a run."""

    def log(self, epoch: int, **metrics: float) -> None: ...
    def checkpoint(self, state: Any) -> None: ...
    def restore(self) -> Any: ...
    def generators(self) -> dict[str, Any]: ...
    def set_generators(self, states: dict[str, Any]) -> None: ...
    @property
    def checkpoint_due(self) -> bool: ...
    @property
    def should_stop(self) -> bool: ...
    @property
    def diverged(self) -> bool: ...


class RunCallback(Checkpoint):
    """Give it to the trainer, and its `ckpt_path` to `trainer.fit`:

        callback = RunCallback(run)
        trainer = Trainer(max_epochs=epochs, callbacks=[callback])
        trainer.fit(model, data, ckpt_path=callback.ckpt_path)

    What the module logs is a metric of the epoch in which it was computed. Lightning's own checkpoints are off unless
    a ModelCheckpoint is given too. A trainer with `max_steps` is refused: only between epochs can it be continued.
    """

    def __init__(self, run: Run) -> None:
        """Look for the checkpoint that an earlier attempt, or a shorter run, has left."""
        self._run = run
        folder = run.restore()
        self.ckpt_path: str | None = None if folder is None else str(Path(folder) / FILE)
        self._generators = None if folder is None else run.generators()
        self._known: dict[str, Any] = {}
        self._keeps = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what could not be continued."""
        if stage == "fit" and trainer.max_steps != -1:
            raise UsageError(f"found max_steps={trainer.max_steps}, expected a Trainer with max_epochs alone")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep a checkpoint: only now has the last epoch ended with all that belongs to it, such as the schedulers."""
        self._known = dict(trainer.callback_metrics)
        if self._generators is not None:
            self._go_on(trainer)
        elif trainer.current_epoch and self._run.checkpoint_due:
            self._keep(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what was computed in this epoch; values of earlier ones stay with the trainer, and are left out."""
        found = trainer.callback_metrics
        new = {name: found[name] for name in found if name != "epoch" and found[name] is not self._known.get(name)}
        self._run.log(trainer.current_epoch + 1, **new)
        is_last = trainer.max_epochs == trainer.current_epoch + 1
        if self._run.diverged or (not is_last and self._run.should_stop):
            trainer.should_stop = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what a later attempt, or a longer run, goes on from."""
        if self._generators is None and not self._run.diverged:
            self._keep(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let our own checkpoints lie between two epochs: Lightning would take the next for one that has begun."""
        if self._keeps:
            for progress in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
                progress["ready"] = progress["completed"]

    def _keep(self, trainer: Trainer) -> None:
        self._keeps = True
        self._run.checkpoint(lambda folder: trainer.save_checkpoint(folder / FILE))
        self._keeps = False

    def _go_on(self, trainer: Trainer) -> None:
        """Put the generators back, and let the data be shuffled by them: Lightning has done so before it came here."""
        assert self._generators is not None
        self._run.set_generators(self._generators)
        self._generators = None
        iter(trainer.fit_loop._data_fetcher)
