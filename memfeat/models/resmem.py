"""ResMem's architecture, in a form in which every step of the forward pass is a named module.

Two branches see the same 227 × 227 image: five convolutions in the manner of AlexNet, and a whole ResNet-152 with its
1,000 class logits. Seven fully connected layers turn both into one number between 0 and 1. Names of layers with
parameters are those of the released checkpoint, so its 956 tensors load without renaming.

References
----------
Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
memorability. Computational Brain & Behavior, 5, 168-184.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from memfeat.models.frozen import frozen

__all__ = ["INPUT_SIZE", "FrozenTrunk", "Predictor", "ResMem", "Trunk"]

#: Height and width of the input, pixels; the size of `fc6` follows from it.
INPUT_SIZE = 227
RESNET152 = (3, 8, 36, 3)
LOGITS = 1000
FLATTENED = 256 * 6 * 6
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Add(nn.Module):
    """Sum of two tensors, written into the first as torchvision's own block does."""

    def forward(self, residual: Tensor, identity: Tensor) -> Tensor:
        """Add `identity` to `residual`, in place."""
        return residual.add_(identity)


class Concatenate(nn.Module):
    """Two branches side by side along the channels."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Concatenate `first` (n, p) and `second` (n, q) to (n, p + q)."""
        return torch.cat((first, second), dim=1)


class Normalise(nn.Module):
    """Subtraction of channel means and division by channel standard deviations."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # Not persistent: these are constants of the preprocessing, and the checkpoint has no place for them.
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise images (n, 3, y, x)."""
        return (image - self.mean) / self.std


class Block(Bottleneck):  # type: ignore[misc]  # torchvision is untyped
    """Bottleneck of torchvision, with its addition as a module of its own."""

    def __init__(self, *args: int, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.add = Add()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block's output; the operations and their order are torchvision's."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        identity = x if self.downsample is None else self.downsample(x)
        summed: Tensor = self.relu(self.add(out, identity))
        return summed


class Trunk(ResNet):  # type: ignore[misc]  # torchvision is untyped
    """ResNet-152 that stays in evaluation mode, with its flattening as a module of its own."""

    def __init__(self) -> None:
        super().__init__(Block, list(RESNET152), num_classes=LOGITS)
        self.flatten = nn.Flatten(1)
        frozen(self)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.flatten(self.avgpool(x)))
        return logits


class FrozenTrunk(nn.Module):
    """The ResNet branch alone, with its normalisation; layers have the names that they have in `ResMem`."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD)
        self.features = Trunk()
        frozen(self)

    def forward(self, image: Tensor) -> Tensor:
        """Compute class logits (n, 1000) of images (n, 3, 227, 227) with values in [0, 1]."""
        logits: Tensor = self.features(self.normalise(image))
        return logits


class Predictor(nn.Module):
    """ResMem without its ResNet branch: convolutional branch and fully connected stack, which can be trained."""

    def __init__(self) -> None:
        super().__init__()
        self._add_convolutions()
        self._add_head()

    def _add_convolutions(self) -> None:
        self.conv1, self.relu1 = nn.Conv2d(3, 48, 11, stride=4), nn.ReLU()
        self.pool1, self.lrn1 = nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5)
        self.conv2, self.relu2 = nn.Conv2d(48, 256, 5, padding=2, groups=2), nn.ReLU()
        self.pool2, self.lrn2 = nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5)
        self.conv3, self.relu3 = nn.Conv2d(256, 384, 3, padding=1, groups=2), nn.ReLU()
        self.conv4, self.relu4 = nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()
        self.conv5, self.relu5 = nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU()
        self.pool5, self.flatten = nn.MaxPool2d(3, 2), nn.Flatten(1)

    def _add_head(self) -> None:
        self.cat = Concatenate()
        self.fc6, self.relu6, self.drp6 = nn.Linear(FLATTENED + LOGITS, 4096), nn.ReLU(), nn.Dropout(0.5)
        # The released network drops out after fc7 under the name drp8.
        self.fc7, self.relu7, self.drp8 = nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)
        self.fc8, self.relu8 = nn.Linear(4096, 2048), nn.ReLU()
        self.fc9, self.relu9 = nn.Linear(2048, 1024), nn.ReLU()
        self.fc10, self.relu10 = nn.Linear(1024, 512), nn.ReLU()
        self.fc11, self.relu11 = nn.Linear(512, 256), nn.ReLU()
        self.fc12, self.sigmoid = nn.Linear(256, 1), nn.Sigmoid()

    def forward(self, image: Tensor, logits: Tensor) -> Tensor:
        """Predict memorability (n, 1) from images (n, 3, 227, 227) in [0, 1] and class logits (n, 1000)."""
        return self._predicted(self._branch(image), logits)

    def _branch(self, image: Tensor) -> Tensor:
        branch = self.pool1(self.relu1(self.conv1(image)))
        branch = self.pool2(self.relu2(self.conv2(self.lrn1(branch))))
        branch = self.relu3(self.conv3(self.lrn2(branch)))
        branch = self.relu5(self.conv5(self.relu4(self.conv4(branch))))
        flattened: Tensor = self.flatten(self.pool5(branch))
        return flattened

    def _predicted(self, branch: Tensor, logits: Tensor) -> Tensor:
        hidden = self.drp6(self.relu6(self.fc6(self.cat(branch, logits))))
        hidden = self.drp8(self.relu7(self.fc7(hidden)))
        hidden = self.relu9(self.fc9(self.relu8(self.fc8(hidden))))
        hidden = self.relu11(self.fc11(self.relu10(self.fc10(hidden))))
        memorability: Tensor = self.sigmoid(self.fc12(hidden))
        return memorability


class ResMem(Predictor):
    """ResMem, always in evaluation mode and without gradients for its parameters.

    Parameters
    ----------
    normalised_trunk : bool
        Whether the ResNet branch sees ImageNet-normalised values (the frozen variant) or the raw ones (the released,
        retrained network). The convolutional branch always sees the raw ones.

    Notes
    -----
    Gradients with respect to the *input* are available as usual.
    """

    def __init__(self, *, normalised_trunk: bool = False) -> None:
        super().__init__()
        self.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD) if normalised_trunk else nn.Identity()
        self.features = Trunk()
        frozen(self)

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]  # it computes the logits itself
        """Predict memorability.

        Parameters
        ----------
        image : Tensor (n, 3, 227, 227)
            RGB values in [0, 1], not normalised.

        Returns
        -------
        Tensor (n, 1)
            Memorability between 0 and 1.
        """
        # The trunk first, so that who wants nothing but its layers can stop there.
        logits = self.features(self.normalise(image))
        return self._predicted(self._branch(image), logits)
