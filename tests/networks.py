"""A small network for tests of extraction, and the images that go through it."""

import numpy as np
import torch
from torch import nn

import memfeat as mf
from memfeat.models import preprocessing


class Reused(nn.Module):
    """A small network with what makes capture hard: an in-place ReLU called twice, and an addition in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 1)

    def forward(self, x):
        first = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(first))
        out += first
        return self.fc(self.relu(out).mean(dim=(2, 3)))


def reused() -> mf.models.Model:
    """The network with its preprocessing, the same weights each time."""
    torch.manual_seed(0)
    return mf.models.wrap(Reused().eval(), preprocessing.SquashAndCrop(20, 16), name="reused")


def random_pictures(n: int = 11) -> dict[str, np.ndarray]:
    """Noise of different sizes."""
    rng = np.random.default_rng(0)
    return {f"{i:02}.png": rng.integers(0, 256, (24 + i, 30, 3), dtype=np.uint8) for i in range(n)}
