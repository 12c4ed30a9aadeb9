"""Faster ways to compute: what they give, how far it is from exact, and that the network stays the user's own."""

import hashlib
import re
import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import memfeat as mf
from memfeat.activations import engine, folding, placement
from memfeat.activations.engine import computation, deviation, running
from memfeat.activations.feed import batches
from memfeat.activations.options import resolved
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.models import preprocessing
from memfeat.models.resmem import Add

#: Largest difference of any value, as a share of the layer's largest value, that the documentation promises.
FAST_BOUND = 1e-4
BFLOAT16_BOUND = 0.1
CPU = {"device": "cpu"}


def perturbed(module, seed=0):
    """Batch norms that have seen something: with the statistics of a new network folding would show no error."""
    rng = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.copy_(torch.randn(part.num_features, generator=rng) * 0.2)
            part.running_var.copy_(torch.rand(part.num_features, generator=rng) + 0.5)
            with torch.no_grad():
                part.weight.copy_(torch.rand(part.num_features, generator=rng) + 0.5)
                part.bias.copy_(torch.randn(part.num_features, generator=rng) * 0.2)
    return module.eval()


def digest(module):
    """Everything that a network holds: tensors and their places, modes, hooks, attributes."""
    said = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        said.update(f"{name} {tensor.data_ptr()} {tensor.stride()} {tensor.requires_grad}".encode())
        said.update(tensor.numpy().tobytes())
    for name, part in module.named_modules():
        said.update(f"{name} {id(part)} {part.training} {sorted(vars(part))} {len(part._forward_hooks)}".encode())
    return said.hexdigest()


def wanted_of(model, without=()):
    table = mf.models.layers(model)
    rows = table[~table["module"].isin(list(without))]
    return {row["name"]: (row["module"], int(row["call"])) for _, row in rows.iterrows()}


def whole(_layer_or_output, *output):
    return output[0] if output else _layer_or_output


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return mf.models.wrap(perturbed(torchvision.models.resnet18()), preprocessing.SquashAndCrop(70, 64), name="r18")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return {f"{i:02}.png": rng.integers(0, 256, (70 + i, 80, 3), dtype=np.uint8) for i in range(5)}


@pytest.fixture(scope="module")
def batch():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


# --- the plan ---------------------------------------------------------------------------------------------------------


class Tangled(nn.Module):
    """Convolutions and batch norms of which only the first pair may be folded."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.read_twice, self.bn_after_it = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.called_twice, self.bn_called_twice = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.weight_read, self.bn_after_weight = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.alone, self.without_statistics = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)
        self.before = nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.bn(self.conv(x)).relu_()
        y = self.read_twice(x)
        x = self.bn_after_it(y) + y
        x = self.bn_called_twice(self.called_twice(x))
        x = self.bn_called_twice(self.called_twice(x))
        x = self.bn_after_weight(self.weight_read(x)) + functional.conv2d(x, self.weight_read.weight)
        return self.without_statistics(self.alone(self.before(x))).mean(dim=(2, 3))


def test_only_a_batch_norm_that_alone_uses_a_convolution_called_once_is_folded():
    assert folding.plan(perturbed(nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)))).pairs == (("0", "1"),)
    tangled = Tangled().eval()
    assert folding.plan(tangled).pairs == (("conv", "bn"),)
    hand = hashlib.sha256(b"conv bn").hexdigest()[:12]
    assert computation(tangled, resolved({"fast": True, **CPU})) == f"folded: 1 batch norms, {hand}"


def test_the_tangled_network_computes_the_same_when_it_is_folded():
    torch.manual_seed(0)
    model = mf.models.wrap(Tangled().eval(), preprocessing.SquashAndCrop(20, 16))
    layers = wanted_of(model, without=["conv"])
    assert "called_twice@2" in layers
    found = deviation(model.module, torch.rand(2, 3, 16, 16), layers, resolved({"fast": True, **CPU}))
    assert set(found) == set(layers)
    assert max(found.values()) < FAST_BOUND


def test_the_plan_of_known_networks():
    # 53 = 1 + 16 blocks of 3 + 4 shortcuts; VGG and ViT have no batch norms; most of DenseNet's precede convolutions.
    assert len(folding.plan(torchvision.models.resnet50()).pairs) == 53
    assert folding.plan(torchvision.models.vgg11()).pairs == ()
    assert folding.plan(torchvision.models.vit_b_16()).pairs == ()
    pairs = folding.plan(torchvision.models.densenet121()).pairs
    assert all(before.endswith(("conv0", "conv1")) for before, _ in pairs)
    assert len(pairs) == 1 + sum((6, 12, 24, 16))


def test_the_plan_ignores_weights_modes_and_what_came_before(model):
    other = torchvision.models.resnet18().train()
    assert folding.plan(other) == folding.plan(model.module)
    assert other.training


def test_a_network_with_nothing_to_fold_is_exact():
    plain = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    assert computation(plain, resolved({"fast": True, **CPU})) == "exact"
    assert computation(plain, resolved({**CPU})) == "exact"


class Forked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return x if x.sum() > 0 else -x


def test_a_network_that_cannot_be_followed_is_refused_with_advice(pictures):
    model = mf.models.wrap(Forked().eval(), preprocessing.SquashAndCrop(20, 16))
    with pytest.raises(
        ArgumentError, match=r"fast must be used with a network that torch.fx can follow.*Leave fast off"
    ):
        mf.extract(pictures, model=model, layers="bn", fast=True)
    assert mf.extract(pictures, model=model, layers="bn")["bn"].shape == (5, 4)


# --- fast equals exact ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_every_layer_of_a_folded_network_is_near_the_exact_one(name, batch):
    torch.manual_seed(0)
    module = perturbed(getattr(torchvision.models, name)())
    model = mf.models.wrap(module, preprocessing.SquashAndCrop(70, 64))
    layers = wanted_of(model, without=dict(folding.plan(module).pairs).keys())
    assert sum(isinstance(part, nn.BatchNorm2d) for part in module.modules()) <= len(layers)
    found = deviation(module, batch, layers, resolved({"fast": True, **CPU}))
    assert max(found.values()) < FAST_BOUND
    # And folding is what happened: rounding differs somewhere.
    assert max(found.values()) > 0


def test_folding_one_pair_by_hand():
    module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1, eps=0)).eval()
    with torch.no_grad():
        module[0].weight.fill_(3)
        module[1].running_mean.fill_(2)
        module[1].running_var.fill_(4)
        module[1].weight.fill_(5)
        module[1].bias.fill_(7)
    mine = folding.folded(module)
    # 5 (3 x - 2) / sqrt(4) + 7 = 7.5 x + 2
    assert mine[0].weight.item() == 7.5
    assert mine[0].bias.item() == 2
    assert mine(torch.full((1, 1, 1, 1), 2.0)).item() == 17
    assert module[0].weight.item() == 3
    assert module[0].bias is None


@given(
    channels=st.integers(1, 5),
    kernel=st.integers(1, 3),
    bias=st.booleans(),
    grouped=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_folding_keeps_what_any_pair_computes(channels, kernel, bias, grouped, seed):
    torch.manual_seed(seed)
    groups = channels if grouped else 1
    pair = nn.Sequential(nn.Conv2d(channels, channels, kernel, groups=groups, bias=bias), nn.BatchNorm2d(channels))
    perturbed(pair, seed)
    image = torch.randn(2, channels, 5, 5)
    with torch.no_grad():
        exact = pair.double()(image.double())
        torch.testing.assert_close(folding.folded(pair.float())(image).double(), exact, rtol=1e-5, atol=1e-5)


def test_fast_gives_the_same_bytes_again_and_whatever_else_is_read(model, pictures):
    layers = ["bn1", "layer1.0.bn2", "layer4.1", "fc"]
    together = mf.extract(pictures, model=model, layers=layers, fast=True)
    again = mf.extract(pictures, model=model, layers=layers, fast=True)
    for layer in layers:
        assert together[layer].values.tobytes() == again[layer].values.tobytes()
        alone = mf.extract(pictures, model=model, layers=layer, fast=True)
        assert together[layer].values.tobytes() == alone[layer].values.tobytes()
    exact = mf.extract(pictures, model=model, layers=layers)
    assert any((together[layer] != exact[layer]).any() for layer in layers)


def test_a_result_says_how_it_was_computed(model, pictures):
    exact = mf.extract(pictures, model=model, layers="fc")
    fast = mf.extract(pictures, model=model, layers="fc", fast=True, autocast="bfloat16", tf32=True)
    assert exact.attrs["computation"] == "exact"
    assert re.fullmatch(r"folded: 20 batch norms, [0-9a-f]{12}; autocast: bfloat16; tf32", fast.attrs["computation"])


def test_a_folded_convolution_is_refused_by_name(model, pictures):
    remedy = r"Ask for the batch norm \('layer1.0.bn1' after 'layer1.0.conv1'\), or leave fast off"
    with pytest.raises(
        UnknownNameError, match=rf"layers must exist in fast mode; got .* 1: 'layer1.0.conv1'.*{remedy}"
    ):
        mf.extract(pictures, model=model, layers=["layer1.0.conv1", "layer1.0.bn1"], fast=True)


@pytest.mark.timeout(600)
def test_the_frozen_network_folded(frozen):
    layers = {"features.bn1": ("features.bn1", 1), "relu11": ("relu11", 1)}
    layers |= {f"features.layer{i}.2": (f"features.layer{i}.2", 1) for i in range(1, 5)}
    batch = torch.rand(2, 3, 227, 227, generator=torch.Generator().manual_seed(0))
    options = resolved({"fast": True, **CPU})
    assert re.fullmatch(r"folded: 155 batch norms, [0-9a-f]{12}", computation(frozen.module, options))
    assert max(deviation(frozen.module, batch, layers, options).values()) < FAST_BOUND


# --- the user's own network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"fast": True}, {"autocast": "bfloat16"}, {"fast": True, "tf32": True}])
def test_the_network_is_left_as_it_was_found(options, pictures):
    module = perturbed(torchvision.models.resnet18()).train()
    model = mf.models.wrap(module, preprocessing.SquashAndCrop(70, 64))
    module.train()
    before = digest(module)
    mf.extract(pictures, model=model, layers=["bn1", "layer1.0"], **options)
    assert digest(module) == before

    def fail(_output):
        raise ValueError("stop")

    with (
        pytest.raises(ValueError, match="stop"),
        running(module, {"bn1": ("bn1", 1)}, lambda *_: fail(None), resolved({**options, **CPU})) as run,
    ):
        run(torch.rand(1, 3, 64, 64))
    assert digest(module) == before


def test_a_sharing_copy_takes_no_memory_and_computes_the_same(model, batch):
    mine = placement.sharing(model.module)
    theirs = dict(model.module.named_parameters())
    assert all(tensor.data_ptr() == theirs[name].data_ptr() for name, tensor in mine.named_parameters())
    assert not {id(part) for part in mine.modules()} & {id(part) for part in model.module.modules()}
    mine.double()
    assert all(tensor.dtype == torch.float32 for tensor in theirs.values())


def test_tied_weights_stay_tied_in_the_copy():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    mine = placement.sharing(module)
    assert mine[1].weight is mine[0].weight


class Secretive(nn.Module):
    """Calls a part through a function that no copy can redirect."""

    def __init__(self, place):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        vars(self)["indirect"] = {"attribute": lambda x: self.conv(x), "hidden": [lambda x: self.conv(x)]}[place]

    def forward(self, x):
        indirect = vars(self)["indirect"]
        return (indirect[0] if isinstance(indirect, list) else indirect)(x).mean(dim=(2, 3))


@pytest.mark.parametrize("place", ["attribute", "hidden"])
def test_a_network_that_cannot_be_copied_is_run_itself(place, pictures):
    model = mf.models.wrap(Secretive(place).eval(), preprocessing.SquashAndCrop(20, 16))
    before = digest(model.module)
    found = mf.extract(pictures, model=model, layers="conv")["conv"].values
    images = torch.stack([model.transform(mf.images.decode(mf.images.read(pictures), name)) for name in pictures])
    np.testing.assert_allclose(found, model.module(images).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert digest(model.module) == before


def test_a_network_with_hooks_keeps_them_and_is_not_folded(pictures):
    seen = []
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    module[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output.shape) or output * 2)
    model = mf.models.wrap(module, preprocessing.SquashAndCrop(20, 16))
    seen.clear()
    found = mf.extract(pictures, model=model, layers="3", batch_size=5)["3"].values
    assert (5, 4, 14, 14) in seen
    images = torch.stack([model.transform(mf.images.decode(mf.images.read(pictures), name)) for name in pictures])
    np.testing.assert_allclose(found, module(images).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ArgumentError, match=r"fast must be used with a network that can be copied.*Leave fast off"):
        mf.extract(pictures, model=model, layers="3", fast=True)


class Catching(nn.Module):
    """Counts what it computes, and goes on whatever exception a part raises."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), Counted()

    def forward(self, x):
        try:
            x = self.first(x)
        except Exception:
            x = x[:, :1]
        return self.last(x)


class Counted(nn.Module):
    """Notes on the class what passes, because the copy that is run is another object."""

    passed = 0

    def forward(self, x):
        Counted.passed += 1
        return x.mean(dim=(2, 3))


@pytest.mark.parametrize("hooked", [False, True])
def test_a_copy_stops_after_the_last_layer_that_is_wanted_and_the_network_itself_does_not(hooked):
    module, batch = Catching().eval(), torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    if hooked:
        module.last.register_forward_hook(lambda *_: None)
    Counted.passed = 0
    with running(module, {"first": ("first", 1)}, whole, resolved({**CPU})) as run:
        first = [run(batch)["first"] for _ in range(2)]
    assert Counted.passed == (2 if hooked else 0)
    with running(module, {"last": ("last", 1), "first": ("first", 1)}, whole, resolved({**CPU})) as run:
        both = run(batch)
    assert list(both) == ["last", "first"]
    assert Counted.passed == (3 if hooked else 1)
    with torch.inference_mode():
        expected = module.first(batch)
    for found in (*first, both["first"]):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(both["last"], expected.mean(dim=(2, 3)))


class Viewing(nn.Module):
    """Old code flattens by view(), which allows one layout of a map only."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4 * 14 * 14, 2)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.fc(x.view(x.shape[0], -1))


@pytest.mark.parametrize("fast", [False, True])
def test_a_network_that_views_its_maps_runs_in_the_layout_it_needs(fast, pictures):
    torch.manual_seed(0)
    model = mf.models.wrap(perturbed(Viewing()), preprocessing.SquashAndCrop(20, 16))
    found = mf.extract(pictures, model=model, layers="fc", fast=fast)["fc"].values
    images = torch.stack([model.transform(mf.images.decode(mf.images.read(pictures), name)) for name in pictures])
    np.testing.assert_allclose(found, model.module(images).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_an_error_of_the_network_itself_comes_through_once():
    calls = Counter()

    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            calls["forward"] += 1
            raise RuntimeError("out of paper")

    options = resolved({**CPU})
    with (
        pytest.raises(RuntimeError, match="out of paper"),
        running(Failing(), {"conv": ("conv", 1)}, whole, options) as run,
    ):
        run(torch.rand(1, 3, 8, 8))
    assert calls["forward"] == 1


# --- precision --------------------------------------------------------------------------------------------------------


def test_bfloat16_gives_float32_within_its_bound_and_pools_in_float32(model, batch, pictures):
    options = resolved({"autocast": "bfloat16", **CPU})
    found = deviation(model.module, batch, wanted_of(model), options)
    assert max(found.values()) < BFLOAT16_BOUND
    assert max(found.values()) > 1e-4
    seen = []

    def mean(*given):
        seen.append(given[-1].dtype)
        return given[-1].mean(dim=(2, 3))

    with running(model.module, {"conv1": ("conv1", 1)}, mean, options) as run:
        pooled = run(batch)["conv1"]
    assert seen == [torch.float32]
    # A mean that was rounded to 8 bits would equal its own rounding.
    assert (pooled != pooled.bfloat16().float()).any()
    assert mf.extract(pictures, model=model, layers="fc", autocast="bfloat16")["fc"].dtype == np.float32
    assert not torch.is_autocast_enabled("cpu")


@pytest.fixture
def careless():
    """Somebody has asked torch for less than float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield precision()
    torch.set_float32_matmul_precision(before)


NAMED = hasattr(torch.backends.cuda.matmul, "fp32_precision")


def precision():
    """All settings, by the names of torch 2.9 and later or by the older ones, which must not be mixed."""
    backends = torch.backends
    if NAMED:
        return {f"{a}.{b}": getattr(getattr(backends, a), b).fp32_precision for a, b in placement.PRECISIONS}
    return {"cuda.matmul": torch.get_float32_matmul_precision(), "cudnn.conv": backends.cudnn.allow_tf32}


def lowered(settings):
    """Which of them let a GPU round."""
    return {name for name, value in settings.items() if value in (True, "tf32", "bf16", "high", "medium")}


@pytest.mark.parametrize("tf32", [False, True])
def test_tf32_is_off_unless_asked_for_and_settings_are_restored(tf32, careless):
    with placement.precise(tf32):
        inside = precision()
    assert lowered(careless) >= {"cuda.matmul", "cudnn.conv"}
    assert {name for name in lowered(inside) if name.startswith("cu")} == (
        {n for n in inside if n[:2] == "cu"} if tf32 else set()
    )
    assert not {name for name in lowered(inside) if name.startswith("mkldnn")}
    assert precision() == careless
    assert torch.get_float32_matmul_precision() == "medium"


def test_the_older_settings_are_restored_too(careless):
    with placement._flags(False):
        assert torch.get_float32_matmul_precision() == "highest"
        assert torch.backends.cudnn.allow_tf32 is False
    assert precision() == careless
    assert torch.get_float32_matmul_precision() == "medium"


@pytest.mark.skipif(not NAMED, reason="this torch has only the older settings")
def test_settings_that_are_inherited_stay_inherited():
    matmul, general = torch.backends.cuda.matmul, torch.backends.fp32_precision
    explicit = matmul.fp32_precision
    try:
        matmul.fp32_precision = "none"
        torch.backends.fp32_precision = "tf32"
        with placement.precise(False):
            assert matmul.fp32_precision == "ieee"
        assert matmul.fp32_precision == "tf32"
        torch.backends.fp32_precision = "ieee"
        assert matmul.fp32_precision == "ieee"
    finally:
        torch.backends.fp32_precision = general
        matmul.fp32_precision = explicit


def test_precision_is_set_for_a_pass_only_and_restored_after_an_error(model, batch, careless):
    seen = []

    def fail(*_):
        seen.append(precision())
        raise ValueError("stop")

    with running(model.module, {"bn1": ("bn1", 1)}, fail, resolved({**CPU})) as run:
        assert precision() == careless
        with pytest.raises(ValueError, match="stop"):
            run(batch)
        assert precision() == careless
    assert not lowered(seen[0])
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fast": 1}, KindError, "fast must be True or False; got 1"),
        ({"tf32": "no"}, KindError, "tf32 must be True or False; got 'no'"),
        ({"autocast": "int8"}, ArgumentError, "autocast must be one of 'bfloat16', 'float16'; got 'int8'"),
        ({"autocast": "float16", **CPU}, ArgumentError, "autocast must suit the device; got 'float16' on a CPU"),
    ],
)
def test_options_are_checked(options, error, message, model, pictures):
    with pytest.raises(error, match=re.escape(message)):
        mf.extract(pictures, model=model, layers="fc", **options)


# --- the stream of batches --------------------------------------------------------------------------------------------


def test_started_passes_are_all_finished_in_order(model, pictures, monkeypatch):
    # What a GPU does: a pass is started before the one before it has been waited for.
    exact = mf.extract(pictures, model=model, layers="fc", batch_size=2)
    monkeypatch.setattr(engine, "LAG", {"cpu": 1})
    lagging = mf.extract(pictures, model=model, layers="fc", batch_size=2)
    assert lagging["fc"].values.tobytes() == exact["fc"].values.tobytes()


def test_batches_are_decoded_ahead_but_never_far(model, pictures):
    table = mf.images.read(pictures)
    names = [str(name) for name in table.image.values]
    begun, lock = [], threading.Lock()

    def note(image):
        with lock:
            begun.append(1)
        return preprocessing.SquashAndCrop(20, 16)(image)

    counting = replace(model, transform=note)
    feed = batches(table, [[name] for name in names], counting, size=1, workers=1)
    first = next(feed)
    assert first.names == names[:1]
    assert first.values.is_contiguous(memory_format=torch.channels_last)
    feed.close()
    assert 1 <= len(begun) <= 3
    assert not any(thread.name.startswith("memfeat-") for thread in threading.enumerate())


def test_an_error_while_decoding_ends_the_threads(model, pictures):
    table = mf.images.read(pictures)
    broken = replace(model, transform=lambda image: "no tensor")
    with pytest.raises(KindError, match="transform must give a tensor; got str"):
        list(batches(table, [[str(name)] for name in table.image.values], broken, size=1, workers=2))
    assert not any(thread.name.startswith("memfeat-") for thread in threading.enumerate())


def test_decoders_are_no_more_than_the_cores(monkeypatch):
    import os

    from memfeat.activations import options

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert options._decoders(torch.device("cpu")) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert options._decoders(torch.device("cpu")) == 4
    assert options._decoders(torch.device("cuda")) == 64


def test_an_addition_in_place_after_a_folded_batch_norm_is_captured_before_it(batch):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn, self.add = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), Add()

        def forward(self, x):
            return self.add(self.bn(self.conv(x)), x).relu_()

    torch.manual_seed(0)
    module = perturbed(Residual())
    layers = {"bn": ("bn", 1), "add": ("add", 1)}
    with running(module, layers, whole, resolved({"fast": True, **CPU})) as run:
        found = run(batch)
    with torch.no_grad():
        bn = module.bn(module.conv(batch))
    torch.testing.assert_close(found["bn"], bn, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found["add"], bn + batch, rtol=1e-5, atol=1e-5)
