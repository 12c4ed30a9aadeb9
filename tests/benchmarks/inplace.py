"""Ways to read a layer that a later in-place operation rewrites: which of them give what the module put out?

Each contender reads four batch norms of a ResNet-50 with random weights from the same two images, and counts the units
that differ from those of a network that computes the same out of place, in the same memory format.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

LAYERS = ["bn1", "layer1.0.bn3", "layer2.0.bn1", "layer3.5.bn3"]


def naive_hooks(work, output):
    """Hooks that hand over `.cpu().data.numpy()`, as is common: on a CPU that is no copy."""
    net, batch = _network(work), _batch(work)
    kept = {}
    for name in LAYERS:
        net.get_submodule(name).register_forward_hook(
            lambda _m, _i, put_out, name=name: kept.__setitem__(name, put_out.cpu().data.numpy())
        )
    yield
    net(batch)
    yield
    return {}, _wrong(kept, net, batch)


def torchextractor(work, output):
    import torchextractor as tx

    net, batch = _network(work), _batch(work)
    extractor = tx.Extractor(net, LAYERS)
    yield
    _, kept = extractor(batch)
    yield
    return {}, _wrong(kept, net, batch)


def torchvision(work, output):
    from torchvision.models.feature_extraction import create_feature_extractor

    net, batch = _network(work), _batch(work)
    extractor = create_feature_extractor(net, return_nodes={name: name for name in LAYERS})
    yield
    kept = extractor(batch)
    yield
    return {}, _wrong(kept, net, batch)


def torchlens(work, output):
    import torchlens as tl

    net, batch = _network(work), _batch(work)
    yield
    kept = {name: tl.pluck(net, batch, name) for name in LAYERS}
    yield
    return {}, _wrong(kept, net, batch)


def thingsvision(work, output):
    import peers

    net, batch = _network(work), _batch(work)
    extractor = peers.thingsvision().get_extractor_from_model(model=net, device="cpu", backend="pt")
    yield
    with extractor.batch_extraction(module_names=LAYERS, output_type="tensor") as opened:
        kept = opened.extract_batch(batch, flatten_acts=False)
    yield
    return {}, _wrong(kept, net, batch)


def memfeat(work, output):
    import memfeat as mf

    model = mf.models.load("resnet50", weights="random", rng=work["seed"])
    pixels = _pixels(work)
    raw = torch.stack([model.transform(mf.images.decode(mf.images.read(pixels), name)) for name in pixels])
    yield
    found = mf.extract(pixels, model=model, layers=LAYERS, reduce="none", batch_size=len(pixels), device="cpu")
    yield
    kept = {name: found[name].values for name in LAYERS}
    return {}, _wrong(kept, model.module, raw.to(memory_format=torch.channels_last))


class SafeBottleneck(Bottleneck):
    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def out_of_place(network: nn.Module) -> nn.Module:
    """Copy a network, every operation of it out of place."""
    safe = copy.deepcopy(network)
    for part in safe.modules():
        part._forward_hooks.clear()
        if hasattr(part, "inplace"):
            part.inplace = False
        if isinstance(part, Bottleneck):
            part.__class__ = SafeBottleneck
    return safe


def _wrong(kept: Mapping[str, Tensor | np.ndarray], network: nn.Module, batch: Tensor) -> dict[str, float]:
    """Give the share of units of each layer that differ from what the module put out."""
    safe, true = out_of_place(network), {}
    for name in LAYERS:
        safe.get_submodule(name).register_forward_hook(
            lambda _m, _i, put_out, name=name: true.__setitem__(name, put_out.clone())
        )
    with torch.inference_mode():
        safe(batch)
    # From here on as arrays: a contender's tensors may still be those that the network wrote into.
    return {name: round(float((np.asarray(kept[name]) != true[name].numpy()).mean()), 4) for name in LAYERS}


def _network(work: Mapping[str, int]) -> nn.Module:
    from torchvision.models import resnet50

    torch.set_grad_enabled(False)
    torch.manual_seed(work["seed"])
    return resnet50(weights=None).eval()


def _batch(work: Mapping[str, int]) -> Tensor:
    return torch.randn((2, 3, 224, 224), generator=torch.Generator().manual_seed(work["seed"]))


def _pixels(work: Mapping[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(work["seed"])
    return {name: rng.integers(0, 256, (256, 256, 3), dtype=np.uint8) for name in ("a", "b")}
