"""Exactness: what is captured of a module is what it put out, bit for bit, whatever the network does to it later."""

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.vision_transformer import VisionTransformer

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.models import preprocessing
from memfeat.models.layers import first_tensor
from memfeat.models.resmem import Add

# --- two independent ways to the true outputs -------------------------------------------------------------------------


class SafeBasic(BasicBlock):
    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class SafeBottleneck(Bottleneck):
    def forward(self, x):
        out = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.relu(self.bn3(self.conv3(out)) + (x if self.downsample is None else self.downsample(x)))


class SafeAdd(Add):
    def forward(self, residual, identity):
        return residual + identity


SAFE = {BasicBlock: SafeBasic, Bottleneck: SafeBottleneck, Add: SafeAdd}


def out_of_place(module: nn.Module) -> nn.Module:
    """Build the same network with every operation out of place, so that a plain list of outputs is safe."""
    safe = copy.deepcopy(module)
    for part in safe.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
        part.__class__ = SAFE.get(type(part), type(part))
    return safe


@contextmanager
def hooked(module: nn.Module, note) -> Iterator[None]:
    handles = [
        part.register_forward_hook(lambda m, i, output, name=name: note(name, output))
        for name, part in module.named_modules()
        if name
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def outputs_of(module: nn.Module, batch: Tensor) -> dict[str, list[Tensor]]:
    """Keep the outputs themselves, as a plain hook does."""
    kept: dict[str, list[Tensor]] = defaultdict(list)
    with torch.inference_mode(), hooked(module, lambda name, output: kept[name].append(first_tensor(output))):
        module(batch)
    return kept


class InPlace(TorchDispatchMode):
    """Counts what is written in place, and lets it happen."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.is_mutable:
            self.names.append(func._schema.name)
        return func(*args, **(kwargs or {}))


# --- networks ---------------------------------------------------------------------------------------------------------


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """Give batch norms statistics and weights that change every value, so that before and after them differ."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                for tensor, low, high in (
                    (part.running_mean, -0.3, 0.3),
                    (part.running_var, 0.5, 2.0),
                    (part.weight, 0.5, 1.5),
                    (part.bias, -0.3, 0.3),
                ):
                    tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))
    return module.eval()


def small_transformer() -> nn.Module:
    network = VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=7
    )
    # torchvision starts the head at zero, which would make every output alike
    nn.init.normal_(network.heads.head.weight)
    return network


#: Network → how it is built without a download. All see 64 × 64 pixels.
NETWORKS = {
    "resnet18": lambda: torchvision.models.resnet18(),
    "resnet50": lambda: torchvision.models.resnet50(),
    "resnext50_32x4d": lambda: torchvision.models.resnext50_32x4d(),
    "vgg11_bn": lambda: torchvision.models.vgg11_bn(init_weights=False),
    "alexnet": lambda: torchvision.models.alexnet(),
    "squeezenet1_1": lambda: torchvision.models.squeezenet1_1(),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(),
    "densenet": lambda: torchvision.models.DenseNet(growth_rate=8, block_config=(3, 3, 3, 3), num_init_features=16),
    "googlenet": lambda: torchvision.models.googlenet(aux_logits=False, init_weights=False),
    "transformer": small_transformer,
}
SIZE = 64


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {name: rng.integers(0, 256, (70, 90, 3), dtype=np.uint8) for name in ("a", "b")}


def small(module: nn.Module, name: str) -> mf.models.Model:
    return mf.models.wrap(module, preprocessing.SquashAndCrop(SIZE, SIZE), name=name)


def placed(model: mf.models.Model, pictures: dict[str, np.ndarray]) -> Tensor:
    images = mf.images.read(pictures)
    batch = torch.stack([model.transform(mf.images.decode(images, name)) for name in pictures])
    return batch.to(memory_format=torch.channels_last)


def every_layer_is_exact(model: mf.models.Model, pictures: dict[str, np.ndarray]) -> None:
    """Extract all that the network lists, in one call, and compare each call of each module."""
    listing = mf.models.layers(model)
    found = mf.extract(
        pictures, model=model, layers="**", reduce="none", batch_size=len(pictures), device="cpu", progress=False
    )
    assert list(found.data_vars) == listing.name.tolist()
    safe, batch = out_of_place(model.module), placed(model, pictures)
    # some of torchvision's networks call the function, with inplace=True, and not a module
    relu = mock.patch.object(functional, "relu", lambda x, inplace=False: torch.relu(x))
    with relu, InPlace() as watched:
        expected = outputs_of(safe, batch)
    assert watched.names == []  # or the expectation itself could have been rewritten
    for row in listing.itertuples():
        true = expected[row.module][row.call - 1].numpy()
        assert np.array_equal(found[row.name].values, true), row.name
    tensors = {name: [x for x in kept if x is not None and x.ndim >= 2] for name, kept in expected.items()}
    assert sum(map(len, tensors.values())) == len(listing)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_module_of_a_torchvision_network_is_captured_as_it_was_put_out(name, pictures):
    torch.manual_seed(3)
    every_layer_is_exact(small(shaken(NETWORKS[name](), 4), name), pictures)


@pytest.mark.parametrize("variant", ["resmem", "frozen"])
def test_every_module_of_resmem_is_captured_as_it_was_put_out(variant, pictures, request):
    every_layer_is_exact(request.getfixturevalue(variant), {"a": pictures["a"]})


def test_a_plain_hook_would_have_been_wrong_here(pictures):
    """The tests above can fail: keeping the output itself gives the rewritten tensor."""
    torch.manual_seed(3)
    model = small(shaken(NETWORKS["resnet50"](), 4), "resnet50")
    batch = placed(model, pictures)
    with InPlace() as watched:
        plain = outputs_of(model.module, batch)
    safe = outputs_of(out_of_place(model.module), batch)
    assert {"aten::relu_", "aten::add_"} <= set(watched.names)
    wrong = {name for name in safe if not all(map(torch.equal, plain[name], safe[name]))}
    assert {"bn1", "layer1.0.bn1", "layer1.0.bn3", "layer4.2.bn3"} <= wrong


# --- modules that give back what is not theirs ------------------------------------------------------------------------


class Treacherous(nn.Module):
    """A network that goes on writing into whatever its modules put out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.same, self.drop = nn.Conv2d(3, 4, 3, padding=1), nn.Identity(), nn.Dropout(0.5)
        self.flat, self.again, self.parts = nn.Flatten(1), nn.Flatten(1), Parts()
        self.slice, self.fc = Slice(), nn.Linear(2, 1)

    def forward(self, x):
        x = self.drop(self.same(self.conv(x)))
        x.mul_(2)
        flat = self.flat(x.clone())
        flat.add_(3)
        again = self.again(flat)  # the very same tensor
        again.neg_()
        part = self.slice(self.slice(again))
        flat.mul_(0.5)
        given = self.parts(part)
        part.zero_()
        return self.fc(given["first"] + given["rest"][0])


class Slice(nn.Module):
    """A view of its input."""

    def forward(self, x):
        return x[:, : max(2, x.shape[1] // 64)]


class Parts(nn.Module):
    """A dict with a tuple in it, of views."""

    def forward(self, x):
        return {"first": x[:, :2], "rest": (x[:, :2] + 1, None)}


def test_what_is_captured_is_what_was_there_at_that_time(pictures):
    torch.manual_seed(0)
    model = small(Treacherous().eval(), "treacherous")
    found = mf.extract(pictures, model=model, layers="**", reduce="none", device="cpu", batch_size=2)
    module, batch = model.module, placed(model, pictures)
    with torch.inference_mode():
        conv = module.conv(batch)
        flat = (2 * conv).flatten(1)
        later = flat + 3
        turned = -later
        part = turned[:, : turned.shape[1] // 64]
        halved = part[:, : part.shape[1] // 64] / 2
    expected = {
        "conv": conv, "same": conv, "drop": conv, "flat": flat, "again": later,
        "slice@1": part, "slice@2": part[:, : part.shape[1] // 64], "parts": halved[:, :2],
    }  # fmt: skip
    for name, true in expected.items():
        assert np.array_equal(found[name].values, true.numpy()), name
    for name, true in {"conv": conv, "same": conv}.items():
        assert not np.array_equal(found[name].values, 2 * true.numpy())


class Several(nn.Module):
    """Modules that put out a tuple, a dict, a list within a tuple, and no tensor at all."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.give = nn.Conv2d(3, 4, 3), nn.ModuleDict({kind: Give(kind) for kind in GIVEN})

    def forward(self, x):
        x = self.conv(x)
        for give in self.give.values():
            give(x)
        return x.relu_()


GIVEN = {
    "tuple": lambda x: (x + 1, x),
    "list": lambda x: [x + 2],
    "dict": lambda x: {"y": x + 3, "x": x},
    "later": lambda x: (None, "text", x + 4),
    "nothing": lambda x: None,
    "vector": lambda x: x.sum(dim=(1, 2, 3)),
}


class Give(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x):
        return GIVEN[self.kind](x)


def test_of_several_tensors_the_first_is_captured(pictures):
    torch.manual_seed(0)
    model = small(Several().eval(), "several")
    found = mf.extract(pictures, model=model, layers="give.*", reduce="none", device="cpu", batch_size=2)
    with torch.inference_mode():
        x = model.module.conv(placed(model, pictures))
    assert list(found.data_vars) == ["give.tuple", "give.list", "give.dict", "give.later"]
    for i, name in enumerate(found.data_vars, start=1):
        assert np.array_equal(found[name].values, (x + i).numpy()), name


# --- images that do not come first ------------------------------------------------------------------------------------


class TokensFirst(nn.Module):
    """Attention as torch.nn does it by default: (token, image, channel) inside, images first at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.split = nn.Conv2d(3, 8, 16, stride=16), nn.Flatten(2)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), 2, enable_nested_tensor=False
        )
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.encoder(self.split(self.patch(x)).permute(2, 0, 1))
        return self.fc(tokens.mean(dim=0))


class Windows(nn.Module):
    """Windows of all images side by side in the first axis, as in timm's Swin transformers."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, self.conv, self.inner = side, nn.Conv2d(3, 4, 16, stride=16), nn.Linear(4, 4)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        n, height, width, channels = x.shape
        parts = x.unfold(1, self.side, self.side).unfold(2, self.side, self.side).permute(0, 1, 2, 4, 5, 3)
        mixed = self.inner(parts.reshape(-1, self.side * self.side, channels))
        return mixed.reshape(n, height * width, channels).mean(dim=1)


def test_a_layer_that_puts_tokens_before_images_is_not_listed(pictures):
    torch.manual_seed(0)
    model = small(TokensFirst().eval(), "tokens")
    assert mf.models.layers(model).name.tolist() == ["patch", "split", "fc"]
    with pytest.raises(UnknownNameError, match=r"begins with another axis than the images, \(16, 1, 8\) for one"):
        mf.extract(pictures, model=model, layers="encoder.layers.0")
    found = mf.extract(pictures, model=model, layers="**", device="cpu", batch_size=4)
    with torch.inference_mode():
        batch = placed(model, pictures)
        expected = model.module(batch).numpy(), model.module.patch(batch).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(found["fc"].values, expected[0], atol=1e-6)
    np.testing.assert_allclose(found["patch"].values, expected[1], atol=1e-6)


def test_a_layer_of_windows_of_all_images_is_not_listed():
    torch.manual_seed(0)
    assert mf.models.layers(small(Windows(2).eval(), "windows")).name.tolist() == ["conv"]


@pytest.mark.parametrize("stored", [True, False])
def test_what_one_image_does_not_show_is_refused_when_there_are_more(stored, pictures, tmp_path):
    """One token of one image looks like one image with one row."""

    class OneToken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.same, self.flat = nn.Conv2d(3, 5, SIZE), nn.Identity(), nn.Flatten()

        def forward(self, x):
            return self.flat(self.same(self.conv(x).flatten(2).permute(2, 0, 1)).permute(1, 0, 2))

    torch.manual_seed(0)
    model = small(OneToken().eval(), "one")
    asked = {"model": model, "batch_size": 2, "device": "cpu"} | ({"store": tmp_path / "s.zarr"} if stored else {})
    rule = r"layers must put out one row per image; got shape \(1, 2, 5\) of layer 'same' for 2 images. Read the module"
    with pytest.raises(ArgumentError, match=rule):
        mf.extract(pictures, layers="same", **asked)
    found = mf.extract(pictures, layers=["conv", "flat"], **asked)
    assert np.array_equal(found["flat"].values, found["conv"].values)


class Skipping(nn.Module):
    """Leaves a module out as soon as an image is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.sometimes = nn.Conv2d(3, 4, 3), nn.Identity()

    def forward(self, x):
        x = self.conv(x)
        return self.sometimes(x) if x.abs().max() < 1e-3 else x


def test_a_layer_that_is_skipped_later_is_an_error_with_advice(pictures):
    model = small(Skipping().eval(), "skipping")
    nn.init.zeros_(model.module.conv.bias)
    assert "sometimes" in mf.models.layers(model).name.tolist()
    rule = (
        "layers must be put out in every pass of the network; got no output of 1: 'sometimes'. The network skips them"
    )
    with pytest.raises(UnknownNameError, match=rule):
        mf.extract(pictures, model=model, layers=["conv", "sometimes"])


# --- the network is left as it was found ------------------------------------------------------------------------------


class Failing(nn.Module):
    """Passes its input on, until it is told to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def forward(self, x):
        if self.error is not None and x.shape[0] > 1:  # the trial run that lists the layers has one image
            raise self.error
        return x


def network() -> nn.Sequential:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Failing(), nn.ReLU(inplace=True), nn.Flatten())
    module.train()
    module[1].eval()
    return module


def state(module: nn.Module) -> tuple[object, ...]:
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()]
    values = {name: (value.device, value.clone()) for name, value in module.state_dict().items()}
    return [part.training for part in module.modules()], hooks, values


def unchanged(before, after) -> bool:
    same = before[:2] == after[:2] and before[2].keys() == after[2].keys()
    return same and all(
        device == after[2][name][0] and torch.equal(value, after[2][name][1])
        for name, (device, value) in before[2].items()
    )


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("stored", [True, False])
def test_an_error_in_the_forward_pass_leaves_the_network_as_it_was(error, stored, pictures, tmp_path):
    module = network()
    before = state(module)
    module[2].error = error
    store = tmp_path / "s.zarr" if stored else None
    with pytest.raises(type(error)):
        mf.extract(pictures, model=small(module, "failing"), layers="**", batch_size=2, store=store)
    assert unchanged(before, state(module))
    module[2].error = None
    found = mf.extract(pictures, model=small(module, "failing"), layers="**", batch_size=2, store=store)
    assert found.sizes["image"] == 2
    assert unchanged(before, state(module))


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
def test_an_error_in_a_hook_leaves_the_network_as_it_was(error, pictures):
    module = network()

    def interrupting(part, inputs, output):
        if output.shape[0] > 1:
            raise error

    handle = module[3].register_forward_hook(interrupting)
    before = state(module)
    with pytest.raises(type(error)):
        mf.extract(pictures, model=small(module, "failing"), layers="**", batch_size=2)
    assert unchanged(before, state(module))  # the user's own hook is still there
    handle.remove()


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt()])
def test_an_error_in_the_reduction_leaves_the_network_as_it_was(error, pictures, monkeypatch):
    module = network()
    before = state(module)
    amax = Tensor.amax

    def failing(output: Tensor, *args, **kwargs) -> Tensor:
        if output.device.type == "meta":  # shapes are found before there are hooks
            return amax(output, *args, **kwargs)
        raise error

    monkeypatch.setattr(Tensor, "amax", failing)
    with pytest.raises(type(error)):
        mf.extract(pictures, model=small(module, "failing"), layers="0", reduce="max", batch_size=2)
    assert unchanged(before, state(module))


def test_an_error_in_the_trial_run_leaves_the_network_as_it_was(pictures):
    module = network()
    before = state(module)
    module[2].forward = lambda x: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        mf.extract(pictures, model=small(module, "failing"), layers="**")
    del module[2].forward
    assert unchanged(before, state(module))


def test_a_transform_that_gives_no_tensor_leaves_the_network_as_it_was(pictures):
    module = network()
    before = state(module)
    seen: list[int] = []

    def transform(image):
        seen.append(1)
        tensor = preprocessing.SquashAndCrop(SIZE, SIZE)(image)
        return tensor if len(seen) == 1 else tensor.numpy()

    with pytest.raises(KindError, match="transform must give a tensor; got ndarray"):
        mf.extract(pictures, model=mf.models.wrap(module, transform), layers="0")
    assert unchanged(before, state(module))
