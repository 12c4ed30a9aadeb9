"""Batch-norm statistics of the released trunk for ImageNet-normalised images, and how they were made.

The trunk inside the released checkpoint was trained on raw values in [0, 1], so its running statistics fit no
normalised image. The file `released_batchnorm.npz` beside this module holds means and variances re-estimated from 250
photographs, all of them as one batch, so they depend on no order and no batch size. To make it again:

    python -m memfeat.models.batchnorm FOLDER_OF_PHOTOGRAPHS
"""

import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from memfeat.models.preprocessing import RESMEM
from memfeat.models.resmem import IMAGENET_MEAN, IMAGENET_STD, Normalise, Trunk
from memfeat.models.weights import RELEASED_SHA256, part, released_state, state_of

__all__ = ["estimate", "photographs", "released_statistics", "remade"]

FILE = "released_batchnorm.npz"
PREFIX = "features."


def released_statistics() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the re-estimated statistics that memfeat ships.

    Returns
    -------
    dict of Tensor (channel,)
        `running_mean` and `running_var` of the trunk's 155 batch norms, by their names in the trunk.
    dict
        How they were made.
    """
    with files("memfeat.models").joinpath(FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files if name != "provenance"}
        return tensors, json.loads(str(stored["provenance"]))


def estimate(trunk: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Compute every batch norm's mean and variance over one batch.

    Parameters
    ----------
    trunk : nn.Module
        A network with batch norms. It is left as it was.
    batch : Tensor (n, 3, y, x)
        Preprocessed images.

    Returns
    -------
    dict of Tensor (channel,)
        `NAME.running_mean` and `NAME.running_var` (unbiased), each computed on inputs that the earlier batch norms
        have normalised with the same batch's statistics.
    """
    found: dict[str, Tensor] = {}

    def normalised(module: nn.BatchNorm2d, name: str, value: Tensor) -> Tensor:
        mean = value.mean(dim=(0, 2, 3))
        variance = value.var(dim=(0, 2, 3), correction=0)
        n = value.numel() / value.shape[1]
        found[f"{name}.running_mean"] = mean
        found[f"{name}.running_var"] = variance * (n / (n - 1))
        return nn.functional.batch_norm(value, mean, variance, module.weight, module.bias, eps=module.eps)

    handles = [
        module.register_forward_hook(lambda m, inputs, _, name=name: normalised(m, name, inputs[0]))
        for name, module in trunk.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    try:
        with torch.inference_mode():
            trunk(batch)
    finally:
        for handle in handles:
            handle.remove()
    return found


def photographs(folder: Path) -> tuple[Tensor, dict[str, Any]]:
    """Read the photographs of a folder as one batch.

    Parameters
    ----------
    folder : Path
        JPEG or PNG files, taken in the order of their names.

    Returns
    -------
    Tensor (n, 3, 227, 227)
        RGB values in [0, 1].
    dict
        `n_images`, `names_sha256` (of their names) and `files_sha256` (of their bytes, one after the other).
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    names, content = hashlib.sha256("\n".join(path.name for path in paths).encode()), hashlib.sha256()
    for path in paths:
        content.update(path.read_bytes())
    facts = {"n_images": len(paths), "names_sha256": names.hexdigest(), "files_sha256": content.hexdigest()}
    return torch.stack([RESMEM(Image.open(path).convert("RGB")) for path in paths]), facts


def remade(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Estimate the statistics of the released trunk anew.

    Parameters
    ----------
    folder : Path
        Photographs to estimate from.

    Returns
    -------
    dict of Tensor (channel,)
        As `released_statistics` gives them.
    dict
        How they were made.
    """
    trunk = Trunk()
    state_of(trunk, part(released_state(), PREFIX), source="the released checkpoint")
    batch, facts = photographs(folder)
    statistics = estimate(trunk, Normalise(IMAGENET_MEAN, IMAGENET_STD)(batch))
    return statistics, {
        **facts,
        "checkpoint_sha256": RELEASED_SHA256,
        "images": "250 ImageNet photographs, one per class, disjoint from the 150 of the classification check",
        "preprocessing": f"{RESMEM!r}, then (x - {IMAGENET_MEAN}) / {IMAGENET_STD}",
        "method": "one batch, every batch norm's own mean and unbiased variance",
        "torch": torch.__version__.split("+")[0],
    }


def main(folder: str) -> None:
    """Make the file that memfeat ships.

    Parameters
    ----------
    folder : str
        Photographs to estimate from.
    """
    statistics, provenance = remade(Path(folder))
    arrays: dict[str, Any] = {name: value.numpy() for name, value in sorted(statistics.items())}
    arrays["provenance"] = np.array(json.dumps(provenance, sort_keys=True))
    target = Path(__file__).with_name(FILE)
    np.savez_compressed(target, **arrays)
    sys.stderr.write(f"{len(statistics)} tensors from {provenance['n_images']} photographs written to {target}\n")


if __name__ == "__main__":
    main(sys.argv[1])
