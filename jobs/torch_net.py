"""A small net in PyTorch, with a loop of its own: cut off anywhere, it goes on to the same bits."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def train(run, *, hidden: int, learning_rate: float = 0.01, epochs: int):
    """Classify handwritten digits with one hidden layer."""
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    data = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
    net = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 10))
    optimizer = torch.optim.Adam(net.parameters(), learning_rate)

    def save(folder):
        torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, folder / "state.pt")

    def load(folder):
        state = torch.load(folder / "state.pt", weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])

    for epoch in run.epochs(epochs, save, load):
        net.train()
        for inputs, targets in data:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(inputs), targets)
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            right = net(x[1400:]).argmax(1) == y[1400:]
        run.log(epoch=epoch, loss=loss, val_accuracy=right.float().mean())
