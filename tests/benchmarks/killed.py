"""An extraction that can be killed: `python killed.py PHOTOGRAPHS STORE LOG N`.

Every batch that the network computes is written down in LOG, as a hash of its values, before it is computed, so that
what is computed twice can be counted whatever happens. The first line says that the work begins.
"""

import hashlib
import os
import sys
from pathlib import Path

import torch
from torch import nn

STARTED = "started"


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.relu(self.conv2(self.relu(self.bn1(self.conv1(x))))).mean(dim=(2, 3)))


def main(folder: Path, store: Path, log: Path, n: int) -> None:
    import memfeat as mf
    from memfeat.models import preprocessing

    torch.manual_seed(0)
    module = Small().eval()
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(_module, inputs):
        batch = inputs[0]
        # Black images are trial runs.
        if batch.any():
            os.write(lines, f"{hashlib.sha256(batch.contiguous().numpy().tobytes()).hexdigest()}\n".encode())

    module.register_forward_pre_hook(note)
    model = mf.models.wrap(module, preprocessing.SquashAndCrop(64, 64), name="small")
    images = sorted(folder.iterdir())[:n]
    os.write(lines, f"{STARTED}\n".encode())
    mf.extract(images, model=model, layers=["conv1", "conv2", "fc"], store=store, device="cpu", progress=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
