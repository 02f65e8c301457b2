"""The same net in Lightning, which has the loop: a callback logs, keeps checkpoints, and stops in time."""

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hpcsweep.frameworks.lightning import RunCallback


class Net(lightning.LightningModule):
    """One hidden layer, whose learning rate decays by a tenth per epoch."""

    def __init__(self, hidden, learning_rate):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 10))
        self.learning_rate = learning_rate

    def training_step(self, batch, _):
        """Return the loss of a batch."""
        loss = nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        """Log what share of the images is recognised."""
        self.log("val_accuracy", (self.layers(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        """Return the optimizer and its schedule."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)]


def train(run, *, hidden: int, learning_rate: float = 0.01, epochs: int):
    """Classify handwritten digits."""
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    data = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
    val_data = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=397)
    callback = RunCallback(run)
    trainer = lightning.Trainer(
        max_epochs=epochs, callbacks=[callback], accelerator="cpu", logger=False, enable_progress_bar=False
    )
    trainer.fit(Net(hidden, learning_rate), data, val_data, ckpt_path=callback.ckpt_path)
