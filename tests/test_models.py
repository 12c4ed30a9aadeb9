"""Networks: the released numbers, the frozen trunk, other people's networks, and the table of layers."""

import copy
import functools
import http.server
import json
import pickle
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

import memfeat as mf
from memfeat import gram
from memfeat.errors import (
    ArgumentError,
    KindError,
    MissingFileError,
    MissingPackageError,
    UnknownNameError,
    WeightsError,
)
from memfeat.models import attaching, backbones, batchnorm, device, preprocessing, weights
from memfeat.models.layers import _compiled, select
from memfeat.models.registry import BACKBONES
from memfeat.models.resmem import Predictor, ResMem, Trunk

SIZE = 227


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)
    )
    return mf.models.wrap(body, preprocessing.SquashAndCrop(40, 32), name="tiny")


def uniform(value: float) -> torch.Tensor:
    return torch.full((1, 3, SIZE, SIZE), value)


# --- the released predictor -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.6936), (0.5, 0.8077), (1.0, 0.8907)])
def test_uniform_images_score_as_published(resmem, value, expected):
    with torch.inference_mode():
        assert round(resmem(uniform(value)).item(), 4) == expected


def test_the_bias_of_the_last_layer_is_the_published_one(resmem):
    assert round(torch.sigmoid(resmem.module.fc12.bias).item(), 4) == 0.4553


def test_every_tensor_is_the_released_one(resmem):
    released = torch.load(weights.released_path(), map_location="cpu", weights_only=True)
    own = resmem.state_dict()
    assert len(own) == 956
    assert own.keys() == released.keys()
    assert all(torch.equal(own[name], released[name]) for name in released)


def test_the_forward_pass_is_the_released_one(resmem, released):
    batch = torch.rand((2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(resmem(batch), released.network(batch), atol=1e-6, rtol=0)


@pytest.mark.data
def test_the_45_renders_score_as_another_lab_published_them(data_folder, resmem):
    folder = data_folder / "resmem_golden"
    published = json.loads((folder / "published_estimates.json").read_text())["version1_gray_lm"]
    # The renders carry alpha. The published numbers were made without it; memfeat itself composes alpha over white.
    opaque = {path.name: Image.open(path).convert("L").convert("RGB") for path in (folder / "images").iterdir()}
    found = mf.predict(opaque, model=resmem)
    assert found.sizes["image"] == 45
    expected = [published[str(name)] for name in found.image.values]
    np.testing.assert_allclose(found.memorability.values, expected, atol=1e-6, rtol=0)


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    seed=st.integers(0, 2**16),
)
def test_preprocessing_is_bit_equal_to_the_released_one(released, width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    assert torch.equal(preprocessing.RESMEM(image), released.transformer(image))


def test_it_stays_in_evaluation_mode_and_without_gradients(resmem):
    resmem.module.train()
    assert not any(module.training for _, module in resmem.named_modules())
    assert not any(parameter.requires_grad for parameter in resmem.module.parameters())


def test_gradients_reach_the_image(resmem):
    batch = uniform(0.5).requires_grad_()
    resmem(batch).sum().backward()
    assert batch.grad is not None
    assert batch.grad.abs().max() > 0


def test_loading_does_not_import_the_package_that_carries_the_weights():
    code = "import sys, memfeat as mf; mf.models.load('resmem'); print('resmem' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 half a file"])
def test_a_tampered_or_truncated_checkpoint_is_refused_by_hash(monkeypatch, tmp_path, content):
    bad = tmp_path / "model.pt"
    bad.write_bytes(content)
    monkeypatch.setattr(weights, "released_path", lambda: bad)
    for options in ({"name": "resmem"}, {"name": "resmem-frozen", "backbone": "released"}):
        with pytest.raises(WeightsError, match=r"weights must have sha256 8e4b8ab0.*install it again"):
            mf.models.load(**options)


def test_a_checkpoint_with_one_changed_byte_is_refused(tmp_path):
    good = tmp_path / "good.pt"
    torch.save({"a": torch.zeros(4)}, good)
    sha = weights.file_sha256(good)
    assert weights.read(good, sha256=sha)["a"].tolist() == [0, 0, 0, 0]
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    good.write_bytes(content)
    with pytest.raises(WeightsError, match=f"weights must have sha256 {sha}"):
        weights.read(good, sha256=sha)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="resmem must be installed.*pip install resmem==1.1.6"):
        weights.released_path()


def test_a_package_without_its_weights_says_how_to_get_them(monkeypatch, tmp_path):
    class Spec:
        submodule_search_locations = [str(tmp_path)]  # noqa: RUF012

    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec)
    with pytest.raises(MissingFileError, match="resmem must carry its weights.*force-reinstall"):
        weights.released_path()


# --- the frozen variant -----------------------------------------------------------------------------------------------


def test_the_frozen_trunk_is_the_same_before_and_after_train_mode_and_a_forward_pass(frozen):
    before = weights.digest(frozen.module)
    frozen.module.train()
    frozen.module.features.train()
    with torch.inference_mode():
        frozen(uniform(0.3))
    assert not any(module.training for module in frozen.module.features.modules())
    assert weights.digest(frozen.module) == before == frozen.provenance["weights_sha256"]


def test_the_released_backbone_has_every_weight_of_the_retrained_network_and_other_batch_statistics(frozen, resmem):
    own, retrained = frozen.state_dict(), resmem.state_dict()
    weighed = dict(resmem.module.named_parameters())
    assert all(torch.equal(own[name], weighed[name]) for name in weighed)
    changed = {name for name in retrained if not torch.equal(own[name], retrained[name])}
    norms = {name for name, module in resmem.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert len(norms) == 155
    assert changed == {f"{name}.{one}" for name in norms for one in ("running_mean", "running_var")}
    assert all(name.startswith("features.") for name in changed)


def test_the_frozen_trunk_sees_normalised_values_and_the_convolutions_raw_ones(frozen, resmem):
    seen = {}
    handles = [
        frozen.module.features.register_forward_pre_hook(lambda _, inputs: seen.update(trunk=inputs[0])),
        frozen.module.conv1.register_forward_pre_hook(lambda _, inputs: seen.update(branch=inputs[0])),
    ]
    batch = torch.rand((1, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(2))
    try:
        with torch.inference_mode():
            frozen(batch)
    finally:
        for handle in handles:
            handle.remove()
    weights_enum = torchvision.models.ResNet152_Weights.IMAGENET1K_V1.transforms()
    expected = torchvision.transforms.functional.normalize(batch, weights_enum.mean, weights_enum.std)
    torch.testing.assert_close(seen["trunk"], expected)
    assert torch.equal(seen["branch"], batch)


def ridge_head(model) -> mf.models.Head:
    """A readout of two layers with made-up weights, on this trunk."""
    layers = ["features.layer1.0.relu@2", "features.avgpool"]
    generator = torch.Generator().manual_seed(0)
    tensors = {"weight": torch.randn(64 + 2048, generator=generator) / 100, "centre": torch.zeros(64 + 2048)}
    facts = {**attaching.base_facts(model, layers), "layers": layers, "split": {"n_train": 1}}
    return mf.models.Head("ridge", tensors | {"intercept": torch.tensor(0.5)}, facts, pd.DataFrame())


def mlp_head(model) -> mf.models.Head:
    """ResMem's stack and convolutional branch, untrained, on this trunk."""
    torch.manual_seed(0)
    facts = {**attaching.base_facts(model, ["features.fc"]), "layers": ["features.fc"], "split": {"n_train": 1}}
    return mf.models.Head("mlp", Predictor().state_dict(), facts, pd.DataFrame())


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """The frozen variant with a trunk from a file, as torchvision's own would be."""
    torch.manual_seed(5)
    file = tmp_path_factory.mktemp("weights") / "resnet152.pth"
    torch.save(torchvision.models.resnet152(weights=None).state_dict(), file)
    return mf.models.load("resmem-frozen", backbone="imagenet", weights=file)


@pytest.fixture(scope="module")
def random():
    return mf.models.load("resmem-frozen", backbone="random", rng=0)


def put_in_training_mode(module: nn.Module) -> None:
    """Try every way in which a training loop does it."""
    module.train()
    module.train(True)
    module.features.train(True)
    nn.ModuleDict({"inside": module}).train()
    module.features.layer1.train()
    module.features.layer4[2].train()
    for part in module.features.modules():
        part.train()


@pytest.mark.parametrize("head", ["released", "ridge", "mlp"])
@pytest.mark.parametrize("backbone", ["imagenet", "released", "random"])
def test_no_public_call_changes_a_byte_of_the_trunk(backbone, head, request):
    whole = request.getfixturevalue({"released": "frozen"}.get(backbone, backbone))
    make = {"released": lambda model: None, "ridge": ridge_head, "mlp": mlp_head}[head]
    made = make(whole)
    model = whole if made is None else mf.models.with_head(whole, made)
    # the same memory under every head
    trunk = model.module.features
    assert trunk.conv1.weight.data_ptr() == whole.module.features.conv1.weight.data_ptr()
    before = weights.digest(trunk)
    put_in_training_mode(model.module)
    assert not any(part.training for part in model.module.modules())
    image = {"grey": np.full((40, 30, 3), 90, np.uint8)}
    batch = uniform(0.4).requires_grad_()
    model(batch).sum().backward()
    mf.predict(image, model=model)
    mf.extract(image, model=model, layers=["features.layer1.0.bn1", "features.fc"])
    mf.models.layers(model)
    assert batch.grad is not None
    assert not any(value.requires_grad or value.grad is not None for value in model.module.parameters())
    assert weights.digest(trunk) == before == weights.digest(whole.module.features)


@pytest.mark.parametrize("backbone", ["imagenet", "random"])  # of "released" test_training.py says the same
def test_no_training_of_a_head_changes_a_byte_of_the_trunk(backbone, request, tmp_path):
    model = request.getfixturevalue(backbone)
    before = weights.digest(model.module)
    names = [f"{i}.png" for i in range(7)]
    generator = np.random.default_rng(0)
    pictures = {name: generator.integers(0, 256, (30, 40, 3), dtype=np.uint8) for name in names}
    given = {"model": model, "validation": 3, "store": tmp_path / "f.zarr", "rng": 0}
    scores = pd.Series(np.linspace(0.3, 0.9, 7), index=names)
    layers = ["features.layer1.0.relu@2", "features.avgpool"]
    made = [
        mf.training.fit_head(pictures, scores, layers=layers, **given),
        mf.training.fit_head(pictures, scores, head="mlp", max_epochs=1, images_per_step=4, device="cpu", **given),
    ]
    assert weights.digest(model.module) == before
    assert not any(part.training for part in model.module.modules())
    trunk = weights.digest(model.module.features)
    for head in made:
        assert head.facts["trunk_sha256"] == trunk
        assert weights.digest(mf.models.with_head(model, head).module.features) == trunk


def test_a_head_on_a_random_trunk_brings_the_seed_of_the_trunk(random, tmp_path):
    made = ridge_head(random)
    facts = made.facts
    assert facts["trunk_seed"] == "0"
    model = mf.models.load("resmem-frozen", head=made)
    assert model.provenance["backbone"] == "random"
    assert weights.digest(model.module.features) == facts["trunk_sha256"]
    by_generator = mf.models.Head("ridge", made.tensors, {**facts, "trunk_seed": "{}"}, made.split)
    with pytest.raises(KindError, match="rng must be a whole number"):
        mf.models.load("resmem-frozen", head=by_generator)


def test_a_kind_of_head_is_answered_with_how_to_fit_one():
    with pytest.raises(MissingFileError, match=r"got 'ridge'.*fit one with mf\.training\.fit_head\(images"):
        mf.models.load("resmem-frozen", head="ridge")


def test_copies_of_a_frozen_network_stay_frozen(frozen):
    stage = frozen.module.features.layer1
    for again in (copy.deepcopy(stage), pickle.loads(pickle.dumps(stage))):
        again.train()
        again[0].bn1.train()
        assert not any(part.training for part in again.modules())
        assert vars(again[0].bn1)["train"].args[0] is again[0].bn1
    # what tells modules by their class, such as folding, still does
    assert type(stage[0].bn1) is nn.BatchNorm2d


def test_each_trunk_says_in_words_what_it_is(frozen, resmem, imagenet, random):
    assert "retrained on memorability" in resmem.provenance["trunk"]
    assert "not a network that was never retrained" in frozen.provenance["trunk"]
    assert "not torchvision's IMAGENET1K_V1" in imagenet.provenance["trunk"]
    assert "trained on nothing" in random.provenance["trunk"]
    assert "the released ResMem's" in frozen.provenance["head"]
    features = mf.extract({"grey": np.full((40, 30, 3), 90, np.uint8)}, model=frozen, layers="features.fc")
    assert features.attrs["trunk"] == frozen.provenance["trunk"]
    assert features.attrs["head"] == frozen.provenance["head"]
    assert gram.compute(features).attrs["trunk"] == frozen.provenance["trunk"]


def test_torchvisions_own_file_is_known_by_its_hash(imagenet, monkeypatch, tmp_path):
    file = tmp_path / "mine.pth"
    torch.save(imagenet.module.features.state_dict(), file)
    monkeypatch.setattr(backbones.stored, "digits", lambda url: weights.file_sha256(file)[:8])
    _, facts = backbones.trunk("imagenet", weights=file)
    assert "never retrained on memorability" in facts["trunk"]
    assert "torchvision" in facts["trunk_licence"]
    url = torchvision.models.ResNet152_Weights.IMAGENET1K_V1.url
    monkeypatch.undo()
    assert weights.digits(url) == "394f9c45"


def test_batch_norm_statistics_agree_with_torch_in_training_mode():
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Conv2d(5, 4, 3), nn.BatchNorm2d(4)
    )
    batch = torch.randn(6, 3, 12, 12)
    trained = copy.deepcopy(network).train()
    for module in trained.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    trained(batch)
    before = weights.digest(network)
    found = batchnorm.estimate(network.eval(), batch)
    assert weights.digest(network) == before
    assert len(found) == 4
    for name, value in found.items():
        torch.testing.assert_close(value, trained.state_dict()[name])


def test_the_shipped_statistics_say_how_they_were_made():
    tensors, how = batchnorm.released_statistics()
    assert len(tensors) == 310
    assert sum(value.numel() for value in tensors.values()) == 2 * 75_712
    assert all((value > 0).all() for name, value in tensors.items() if name.endswith("running_var"))
    assert how["n_images"] == 250
    assert how["checkpoint_sha256"] == weights.RELEASED_SHA256


@pytest.mark.data
def test_the_released_backbone_still_classifies_photographs(data_folder, frozen):
    """The 150 photographs from which no statistic was estimated."""
    folder = data_folder / "imagenet_samples"
    classes = pd.read_csv(folder / "classes.csv").set_index("image")["imagenet_class_index"]
    images = mf.images.read(folder / "classification_check", verify=False)
    logits = mf.extract(images, model=frozen, layers="features.fc", reduce="none")["features.fc"]
    wanted = classes.loc[list(images.image.values)].to_numpy()
    correct = logits.values.argmax(axis=1) == wanted
    assert len(correct) == 150
    assert correct.mean() >= 0.75
    among_five = (np.argsort(logits.values, axis=1)[:, -5:] == wanted[:, None]).any(axis=1)
    assert among_five.mean() >= 0.9


@pytest.mark.data
def test_the_shipped_statistics_come_from_these_photographs(data_folder, frozen):
    """As far as the first block, whose statistics all others build on; `make calibrate` makes the whole file again."""
    batch, hashes = batchnorm.photographs(data_folder / "imagenet_samples" / "bn_estimation")
    stored, how = batchnorm.released_statistics()
    assert {name: how[name] for name in hashes} == hashes
    trunk = frozen.module.features
    first = OrderedDict((name, getattr(trunk, name)) for name in ("conv1", "bn1", "relu", "maxpool"))
    first["layer1"] = nn.Sequential(OrderedDict({"0": trunk.layer1[0]}))
    found = batchnorm.estimate(nn.Sequential(first), frozen.module.normalise(batch))
    assert len(found) == 2 * 5
    for name, value in found.items():
        torch.testing.assert_close(value, stored[name], atol=1e-5, rtol=1e-4)


def test_a_random_trunk_depends_on_the_seed_alone_and_says_so():
    torch.manual_seed(11)
    state = torch.random.get_rng_state()
    model = mf.models.load("resmem-frozen", backbone="random", rng=0)
    assert torch.equal(state, torch.random.get_rng_state())
    assert model.provenance["seed"] == "0"
    (again, _), (other, _) = (BACKBONES["random"][1](rng=seed) for seed in (0, 1))
    own = model.module.features.state_dict()
    assert all(torch.equal(own[name], again[name]) for name in own)
    assert not torch.equal(own["conv1.weight"], other["conv1.weight"])


def test_a_random_trunk_is_as_torchvision_makes_it_and_its_scale_says_nothing(random):
    trunk = random.module.features
    norms = [part for part in trunk.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(norms) == 155
    zeros = [values for norm in norms for values in (norm.running_mean, norm.bias, norm.num_batches_tracked)]
    ones = [values for norm in norms for values in (norm.running_var, norm.weight)]
    assert not any(values.any() for values in zeros)
    assert all((values == 1).all() for values in ones)
    # He et al. (2015): the variance of a convolution's weights is 2 over what goes out of it
    weight = trunk.layer3[20].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)
    values = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.inference_mode():
        found = [trunk.layer1(trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(scale * values))))) for scale in (1, 2)]
        deep = [trunk.layer3(trunk.layer2(one)) for one in found]
    assert torch.equal(2 * deep[0], deep[1])
    assert deep[0].std() > 1e4 * found[0].std()


def test_float16_refuses_an_untrained_network_and_says_what_holds_it(random):
    picture = {"grey": np.full((40, 30, 3), 90, np.uint8)}
    options = {"model": random, "layers": "features.layer4.2", "reduce": "mean"}
    with pytest.raises(ArgumentError, match="precision must hold every value when .*precision='float32'"):
        mf.extract(picture, precision="float16", **options)
    found, rounded = (mf.extract(picture, precision=one, **options) for one in ("float32", "float32:10"))
    assert 1e6 < abs(found["features.layer4.2"]).max() < 1e9
    np.testing.assert_allclose(rounded["features.layer4.2"], found["features.layer4.2"], rtol=2**-11)


def test_the_imagenet_backbone_takes_a_local_file(tmp_path, resmem):
    torch.manual_seed(5)
    trunk = torchvision.models.resnet152(weights=None)
    file = tmp_path / "resnet152.pth"
    torch.save(trunk.state_dict(), file)
    model = mf.models.load("resmem-frozen", backbone="imagenet", weights=file)
    assert weights.digest(model.module.features) == weights.digest(trunk)
    assert torch.equal(model.module.fc6.weight, resmem.module.fc6.weight)
    assert model.provenance["weights_source"] == "trunk: file resnet152.pth; head: resmem 1.1.6"


def test_the_trunk_computes_what_torchvision_computes():
    torch.manual_seed(6)
    own, theirs = Trunk().eval(), torchvision.models.resnet152(weights=None).eval()
    theirs.load_state_dict(own.state_dict())
    batch = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(own(batch), theirs(batch))


def test_the_imagenet_backbone_without_a_network_names_both_remedies(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(WeightsError, match=r"weights must be in the cache.*weights='PATH'.*backbone='released'"):
        mf.models.load("resmem-frozen")
    with pytest.raises(WeightsError, match=r"weights must be in the cache.*weights='PATH'.*weights='random'"):
        mf.models.load("resnet18")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resmem", "backbone": "released"}, "options must belong to 'resmem'; got backbone"),
        ({"name": "resnet18", "backbone": "released"}, "options must belong to 'resnet18'; got backbone"),
        ({"name": "resmem-frozen", "backbone": "vgg"}, "backbone must be one of 'imagenet', 'released', 'random'"),
        (
            {"name": "resmem-frozen", "backbone": "released", "rng": 0},
            "options must belong to backbone='released'; got rng",
        ),
        ({"name": "resnet18", "rng": 0}, "rng must come with weights='random'"),
    ],
)
def test_an_option_that_belongs_to_another_network_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        mf.models.load(**options)


def test_random_weights_need_a_seed():
    with pytest.raises(KindError, match="rng must be a whole number.*got None"):
        mf.models.load("resnet18", weights="random")


def test_an_unknown_network_is_answered_with_near_names():
    with pytest.raises(UnknownNameError, match=r"name must be a known name; got 'resnet51'. Did you mean 'resnet50'"):
        mf.models.load("resnet51")


def test_every_name_that_is_listed_is_known():
    names = mf.models.available()
    assert names[:2] == ["resmem", "resmem-frozen"]
    assert {"resnet50", "vgg16", "alexnet", "vit_b_16"} <= set(names)


# --- torchvision and the user's own -----------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    """A web server for one folder, on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{http_server.server_port}"
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def published(server, name="squeezenet1_1") -> tuple[str, nn.Module]:
    folder, address = server
    torch.manual_seed(7)
    module = torchvision.models.get_model(name, weights=None)
    torch.save(module.state_dict(), folder / "weights.pth")
    prefix = weights.file_sha256(folder / "weights.pth")[:8]
    (folder / "weights.pth").rename(folder / f"{name}-{prefix}.pth")
    return f"{address}/{name}-{prefix}.pth", module


def test_published_weights_are_downloaded_once_and_checked(server, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    url, module = published(server)
    monkeypatch.setattr(torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", url)
    model = mf.models.load("squeezenet1_1")
    assert model.provenance["weights_sha256"] == weights.digest(module)
    for file in server[0].iterdir():
        file.unlink()
    again = mf.models.load("squeezenet1_1")
    assert again.provenance["weights_sha256"] == weights.digest(module)
    kept = next((tmp_path / "cache").rglob("*.pth"))
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"weights must have a sha256 that starts with .*Delete that file and load"):
        mf.models.load("squeezenet1_1")


def test_a_damaged_download_is_refused_and_not_kept(server, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    url, _ = published(server)
    file = next(server[0].iterdir())
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="invalid hash value"):
        weights.cached(url, remedy="")
    assert not list((tmp_path / "cache").rglob("*.pth"))


def test_a_file_of_weights_for_another_network_is_refused(tmp_path):
    torch.manual_seed(8)
    file = tmp_path / "w.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), file)
    with pytest.raises(
        WeightsError, match=r"weights must fit the network \(122 tensors\); got file w.pth, which differs in"
    ):
        mf.models.load("resnet18", weights=file)


@pytest.mark.parametrize(
    ("content", "message"),
    [("text", "weights must be a file of tensors"), ([1, 2], "weights must hold a state dict")],
)
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content, message):
    file = tmp_path / "w.pth"
    if isinstance(content, str):
        file.write_text(content)
    else:
        torch.save(content, file)
    with pytest.raises(WeightsError, match=message):
        weights.read(file)


def test_a_bad_file_is_not_answered_with_torchs_advice_to_load_it_unsafely(tmp_path):
    (tmp_path / "w.pth").write_text("text")
    with pytest.raises(WeightsError, match=r"Write it with torch.save\(module.state_dict\(\), path\)\.$"):
        weights.read(tmp_path / "w.pth")


def test_weights_that_are_not_there_are_reported(tmp_path):
    with pytest.raises(MissingFileError, match="weights must name a file that exists.*Check the path"):
        mf.models.load("resnet18", weights=tmp_path / "nowhere.pth")


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "inception_v3", "squeezenet1_1"])
def test_torchvision_networks_come_untrained_with_a_seed(name):
    model = mf.models.load(name, weights="random", rng=0)
    assert model.provenance["variant"] == "random"
    assert not model.module.training
    assert model.example().shape[1] == 3
    assert len(mf.models.layers(model)) > 10


def test_wrapping_leaves_the_network_as_it_was(tiny):
    module = copy.deepcopy(tiny.module).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = mf.models.wrap(module, tiny.transform)
    mf.models.layers(model)
    assert model.name == "Sequential"
    assert all(part.training for part in module.modules())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())


def test_wrapping_refuses_what_is_no_network(tiny):
    with pytest.raises(KindError, match="module must be a torch.nn.Module; got str"):
        mf.models.wrap("resnet", tiny.transform)
    with pytest.raises(KindError, match="transform must be callable; got int"):
        mf.models.wrap(tiny.module, 3)


# --- ranges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (uniform(1.0) * 255, ArgumentError, r"hold values in \[0, 1\]; got values from 255 to 255.*divide by 255"),
        (uniform(0.0) - 2.1, ArgumentError, r"got values from -2.1 to -2.1.*look normalised"),
        (uniform(float("nan")), ArgumentError, "It holds NaN"),
        (torch.zeros((1, 3, 224, 224)), ArgumentError, r"have shape \(n, 3, 227, 227\); got \(1, 3, 224, 224\)"),
        (
            torch.zeros((1, 3, SIZE, SIZE), dtype=torch.uint8),
            KindError,
            r"floating-point numbers; got torch.uint8.*/ 255",
        ),
        ([0.5], KindError, "floating-point numbers; got list"),
    ],
)
def test_a_batch_in_the_wrong_range_is_refused_with_the_remedy(resmem, batch, error, message):
    with pytest.raises(error, match=message):
        resmem(batch)


def test_a_device_that_is_not_there_is_refused():
    assert device.choose("cpu").type == "cpu"
    with pytest.raises(
        ArgumentError, match="device must be a device that torch knows; got 'abacus'. Available here: cpu"
    ):
        device.choose("abacus")
    with pytest.raises(ArgumentError, match="device must be there; got 'cuda:99'"):
        device.choose("cuda:99")


# --- layers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def table(resmem):
    return mf.models.layers(resmem)


def test_every_step_of_the_network_is_listed_in_order_of_execution(table):
    names = table["name"].tolist()
    head = [
        "features.fc",
        "features",
        "conv1",
        "flatten",
        "cat",
        "fc6",
        "relu6",
        "drp6",
        "fc7",
        "relu7",
        "drp8",
        "fc12",
        "sigmoid",
    ]
    positions = [names.index(name) for name in head]
    assert positions == sorted(positions)
    assert table["order"].tolist() == list(range(len(table)))
    assert table.set_index("name").loc["features.layer4.2", "shape"] == (2048, 8, 8)
    assert table.set_index("name").loc["features.layer4.2", "bytes"] == 4 * 2048 * 8 * 8
    assert table.set_index("name").loc["cat", "shape"] == (10_216,)


def test_the_architecture_has_the_published_sizes(table):
    module = ResMem()
    assert sum(p.numel() for p in module.parameters()) == 131_688_809
    assert sum(p.numel() for p in module.features.parameters()) == 60_192_808
    trunk = table[table["name"].str.startswith("features.") & (table["kind"] == "Conv2d")]
    assert len(trunk) == 155
    assert trunk["channels"].sum() == 75_712
    assert len(select(table, "features.layer[1-4].*")) == 50


def test_a_module_that_is_called_three_times_is_three_layers(table):
    names = set(table["name"])
    assert {f"features.layer1.0.relu@{call}" for call in (1, 2, 3)} <= names
    assert "features.layer1.0.relu" not in names
    with pytest.raises(UnknownNameError, match=r"called 3 times; say which: features.layer1.0.relu@1, .*@2, .*@3"):
        select(table, "features.layer1.0.relu")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("conv1", ["conv1"]),
        ("conv?", ["conv1", "conv2", "conv3", "conv4", "conv5"]),
        ("fc1[02]", ["fc10", "fc12"]),
        ("conv[!1-4]", ["conv5"]),
        (["fc12", "conv1"], ["conv1", "fc12"]),
        (["fc12", "fc12"], ["fc12"]),
        ("features.layer1.0.relu@2", ["features.layer1.0.relu@2"]),
        (lambda row: row["kind"] == "Sigmoid", ["sigmoid"]),
        ("head", ["features.fc", "fc6", "fc7", "fc8", "fc9", "fc10", "fc11", "fc12"]),
    ],
)
def test_layers_are_chosen_by_name_glob_list_group_and_function(table, wanted, expected):
    assert select(table, wanted)["name"].tolist() == expected


def test_groups_and_double_stars_cross_components(table):
    assert len(select(table, "blocks")) == 50
    assert len(select(table, "convolutions")) == 160
    assert len(select(table, "features.layer4.**")) > len(select(table, "features.layer4.*"))
    assert len(select(table, "**")) == len(table)


@given(st.sampled_from(["conv1", "features.layer1.0", "features.layer1.0.conv1", "a+b", "x.(y)"]))
def test_an_exact_name_is_a_glob_that_fits_itself_only(name):
    pattern = _compiled(name)
    assert pattern.fullmatch(name)
    assert not pattern.fullmatch(f"{name}.x")
    assert not pattern.fullmatch(f"x{name}")


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ("conv9", UnknownNameError, "layers must name layers of this network; got 'conv9'. Did you mean 'conv"),
        ("features.*.nothing", UnknownNameError, "'\\*' stays inside one component"),
        ("conv[4-1]", ArgumentError, r"layers must be names or globs; got 'conv\[4-1\]'. Characters in brackets go up"),
        ([], ArgumentError, "layers must name at least one layer; got an empty list"),
        (lambda row: False, ArgumentError, "a function that chose none"),
        ([3], KindError, "layers must be text; got 3"),
        (3, KindError, "layers must say which layers to read; got int"),
    ],
)
def test_layers_that_are_not_there_are_refused_with_advice(table, wanted, error, message):
    with pytest.raises(error, match=message):
        select(table, wanted)


def test_what_is_no_model_is_refused(tiny):
    with pytest.raises(KindError, match="model must be a memfeat Model; got Sequential. Load one"):
        mf.models.layers(tiny.module)


def test_networks_with_several_outputs_are_listed_by_the_first():
    class Twice(nn.Module):
        def forward(self, x):
            return {"a": x, "b": (x, None)}

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.unused = Twice(), nn.Linear(2, 2)

        def forward(self, x):
            return self.twice(x)["b"]

    model = mf.models.wrap(Whole(), preprocessing.SquashAndCrop(8, 8))
    assert mf.models.layers(model)["name"].tolist() == ["twice"]


def test_a_transform_is_described_by_what_it_does():
    assert preprocessing.described(preprocessing.RESMEM) == "SquashAndCrop(resize=256, crop=227)"
    assert re.fullmatch(r"(tests\.)?test_models\.uniform, content [0-9a-f]{12}", preprocessing.described(uniform))
    assert "\n" not in preprocessing.described(torchvision.models.ResNet18_Weights.DEFAULT.transforms())


def test_the_wheel_file_is_found_where_the_package_is():
    assert weights.released_path().name == "model.pt"
    assert isinstance(weights.released_path(), Path)


def test_the_table_that_figures_are_drawn_from_is_that_of_the_released_network(resmem):
    """tests/data/resmem_layers.csv spares the gallery and its tests the weights."""
    kept = pd.read_csv(Path(__file__).parent / "data" / "resmem_layers.csv")
    table = mf.models.layers(resmem)
    table["shape"] = ["x".join(map(str, shape)) for shape in table["shape"]]
    pd.testing.assert_frame_equal(table[list(kept.columns)], kept, check_dtype=False, check_index_type=False)
