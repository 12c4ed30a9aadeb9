"""What networks respond to: attributions, receptive fields, the images of a unit, and pictures made for it."""

import json
import sys
from types import SimpleNamespace

import captum.attr
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from networks import random_pictures, reused
from PIL import Image, ImageOps
from torch import nn
from torch.nn import functional
from torchvision import transforms
from torchvision.transforms.functional import to_tensor

import memfeat as mf
from memfeat.attribution import cropping, fields, lights, methods, priors, ranking, redirecting
from memfeat.errors import (
    ArgumentError,
    FacesWarning,
    KindError,
    MemfeatWarning,
    MissingPackageError,
    NoImageError,
    RetrainedWarning,
    SaturatedWarning,
    UnknownNameError,
)
from memfeat.models.preprocessing import SquashAndCrop

SIDE = 8
#: A direction among the five channels of the second convolution.
DIRECTION = np.array([0.5, -1.0, 0.0, 2.0, 1.5])
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that CUDA finds")
#: Options for a network as small as these.
SMALL = {"smoothgrad": {"n_samples": 2, "rng": 0}, "occlusion": {"window": 4, "stride": 2}, "grad_cam": {"layer": "0"}}


def smooth() -> mf.models.Model:
    """A network without kinks, in float64, that puts out one number between 0 and 1."""
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(4, 5, 3), nn.Tanh(), nn.Flatten(),
        nn.Linear(20, 1), nn.Sigmoid(),
    )  # fmt: skip
    return mf.models.wrap(module.double().eval(), SquashAndCrop(10, SIDE), name="smooth")


def pictures(n=3):
    return mf.images.read(random_pictures(n), progress=False)


def batch_of(model, n=3):
    return torch.stack([model.transform(Image.fromarray(one)) for one in random_pictures(n).values()]).double()


def attribute(model, method="gradient", n=3, **options):
    return mf.attribution.attribute(pictures(n), model=model, method=method, device="cpu", progress=False, **options)


def plain(transform=to_tensor, weight=(1.0, -1.0, -1.0)):
    """One unit: a weighted sum of the three colours."""
    layer = nn.Conv2d(3, 1, 1, bias=False)
    layer.weight.data = torch.tensor(weight).view(1, 3, 1, 1)
    return mf.models.wrap(nn.Sequential(layer), transform, name="plain")


# --- attributions ---------------------------------------------------------------------------------------------------

NUMBERS = {
    "score": ("score", "mean", lambda net, x: net(x)[:, 0]),
    "unit, mean": (("3", 2), "mean", lambda net, x: net[:4](x)[:, 2].mean(dim=(1, 2))),
    "unit, max": (("3", 4), "max", lambda net, x: net[:4](x)[:, 4].amax(dim=(1, 2))),
    "unit, centre": (("3", 0), "centre", lambda net, x: net[:4](x)[:, 0, 1, 1]),
    "direction": (("3", DIRECTION), "mean", lambda net, x: net[:4](x).mean(dim=(2, 3)) @ torch.tensor(DIRECTION)),
    "flat unit": (("5", 7), "mean", lambda net, x: net[:6](x)[:, 7]),
}


@pytest.mark.parametrize(("target", "pool", "number"), NUMBERS.values(), ids=NUMBERS)
def test_gradients_are_finite_differences(target, pool, number):
    model, step = smooth(), 1e-5
    batch = batch_of(model, 1)
    with torch.no_grad():
        shifts = step * torch.eye(batch[0].numel(), dtype=torch.double).view(-1, *batch.shape[1:])
        up, down = (number(model.module, batch + sign * shifts) for sign in (1, -1))
    expected = ((up - down) / (2 * step)).view(batch.shape[1:]).numpy()
    summed = attribute(model, n=1, target=target, pool=pool, channels="sum")
    np.testing.assert_allclose(summed.values[0], expected.sum(axis=0), rtol=1e-6, atol=1e-9)
    largest = attribute(model, n=1, target=target, pool=pool)
    np.testing.assert_allclose(largest.values[0], np.abs(expected).max(axis=0), rtol=1e-6, atol=1e-9)
    assert (summed.attrs["long_name"], largest.attrs["long_name"]) == ("gradient", "absolute gradient")


@settings(max_examples=10)
@given(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3))
def test_the_gradient_of_a_linear_network_is_its_weights_whatever_the_image(weight):
    maps = attribute(plain(SquashAndCrop(5, 4), weight), n=2, target=("0", 0), channels="sum")
    np.testing.assert_allclose(maps.values, np.full((2, 4, 4), sum(weight) / 16), atol=1e-6)


def test_smoothgrad_is_captums_for_the_same_noise(monkeypatch):
    model = smooth()
    batch = batch_of(model, 1)
    drawn = np.random.default_rng(3).standard_normal((4, *batch.shape[1:]), dtype=np.float32)
    options = {"noise": 0.1, "n_samples": 4}
    question = methods.Question(
        lambda x: model.module(x)[:, 0], model.module, options, lambda x: x, [np.random.default_rng(3)]
    )
    ours = methods.smoothgrad(question, batch)
    monkeypatch.setattr(torch, "normal", lambda mean, std: mean + std * torch.from_numpy(drawn))
    theirs = captum.attr.NoiseTunnel(captum.attr.Saliency(lambda x: model.module(x)[:, 0])).attribute(
        batch.clone().requires_grad_(),
        nt_type="smoothgrad",
        nt_samples=4,
        stdevs=0.1 * float(batch.max() - batch.min()),
        abs=False,
    )
    torch.testing.assert_close(ours, theirs)


def test_smoothgrad_without_noise_is_the_gradient():
    model = smooth()
    xr.testing.assert_allclose(
        attribute(model, "smoothgrad", noise=0, n_samples=2, rng=0).drop_attrs(), attribute(model).drop_attrs()
    )


def test_smoothgrad_of_an_image_depends_on_the_seed_and_its_name_and_not_on_the_others():
    model, images = smooth(), pictures()
    options = {"model": model, "method": "smoothgrad", "n_samples": 2, "device": "cpu"}
    whole = mf.attribution.attribute(images, rng=1, **options)
    apart = mf.attribution.attribute(images.isel(image=[2, 0]), rng=1, batch_size=1, **options)
    xr.testing.assert_allclose(whole.isel(image=[2, 0]), apart)
    again = mf.attribution.attribute(images, rng=1, **options)
    xr.testing.assert_identical(whole, again)
    assert not np.allclose(whole, mf.attribution.attribute(images, rng=2, **options))


@pytest.mark.parametrize(
    ("baseline", "dark"),
    [
        (0.0, torch.zeros_like),
        (0.25, lambda x: torch.full_like(x, 0.25)),
        ("mean", lambda x: x.mean(dim=(2, 3), keepdim=True).expand_as(x)),
    ],
    ids=["black", "grey", "mean"],
)
def test_integrated_gradients_add_up_to_the_difference_and_are_the_mean_gradient(baseline, dark):
    model = smooth()
    batch = batch_of(model)
    maps = attribute(model, "integrated_gradients", baseline=baseline)
    with torch.no_grad():
        difference = model.module(batch) - model.module(dark(batch))
    np.testing.assert_allclose(maps.sum(("y", "x")).values, difference[:, 0].numpy(), rtol=1e-6, atol=1e-9)
    shares, start = ((torch.arange(160) + 0.5) / 160).double().view(-1, 1, 1, 1), dark(batch)
    for image, origin, found in zip(batch, start, maps.values, strict=True):
        there = (origin + shares * (image - origin)).requires_grad_()
        (slopes,) = torch.autograd.grad(model.module(there).sum(), there)
        np.testing.assert_allclose(found, ((image - origin) * slopes.mean(0)).sum(0).numpy(), rtol=1e-4, atol=1e-8)


def test_grad_cam_is_the_weighted_sum_of_the_map():
    model = smooth()
    maps = attribute(model, "grad_cam", layer="0")
    inside = model.module[:1](batch_of(model)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.module[1:](inside).sum(), inside)
    coarse = (slope.mean(dim=(2, 3), keepdim=True) * inside).sum(1, keepdim=True).relu()
    fine = functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")[:, 0]
    np.testing.assert_allclose(maps.values, fine.detach().numpy(), atol=1e-12)
    assert (maps.attrs["cam_layer"], maps.attrs["method"]) == ("0", "grad_cam")


def test_grad_cam_takes_the_last_map_before_its_target():
    assert attribute(smooth(), "grad_cam", n=1).attrs["cam_layer"] == "4"
    assert attribute(smooth(), "grad_cam", n=1, target=("3", 1)).attrs["cam_layer"] == "2"


@pytest.mark.parametrize(("window", "stride", "baseline"), [(3, 2, 0.5), (4, 4, "mean"), (8, 8, 0.0)])
def test_occlusion_covers_every_square(window, stride, baseline):
    model = smooth()
    batch = batch_of(model)
    level = batch.mean(dim=(2, 3), keepdim=True) if baseline == "mean" else torch.tensor(float(baseline)).double()
    fallen, times = torch.zeros(3, SIDE, SIDE).double(), torch.zeros(SIDE, SIDE).double()
    starts = range(0, SIDE - window + stride, stride)
    with torch.no_grad():
        before = model.module(batch)[:, 0]
        for top in starts:
            for left in starts:
                mask = torch.zeros(SIDE, SIDE).double()
                mask[top : top + window, left : left + window] = 1
                after = model.module(batch * (1 - mask) + level * mask)[:, 0]
                fallen += (before - after)[:, None, None] * mask
                times += mask
    maps = attribute(model, "occlusion", window=window, stride=stride, baseline=baseline)
    np.testing.assert_allclose(maps.values, (fallen / times).numpy(), rtol=1e-7, atol=1e-10)


def test_attributions_say_where_they_lie_and_leave_everything_as_it_was():
    model = reused()
    model.module.train()
    model.module.requires_grad_(True)
    images = pictures()
    before, state = images.copy(deep=True), {k: v.clone() for k, v in model.state_dict().items()}
    maps = attribute(model, "smoothgrad", rng=0, n_samples=2, target=("relu@2", 1))
    xr.testing.assert_identical(images.drop_vars("pixels"), before.drop_vars("pixels"))
    assert model.module.training
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.module.parameters())
    assert maps.dims == ("image", "y", "x")
    assert maps["image"].values.tolist() == images["image"].values.tolist()
    # 30 × 24 pixels squashed to 20 × 20, of which 2 are cut off on each side
    first = maps.isel(image=0)
    assert [float(first[side]) for side in ("left", "top", "right", "bottom")] == pytest.approx([3, 2.4, 27, 21.6])
    wanted = {"method": "smoothgrad", "layer": "relu@2", "unit": [1], "seed": "0", "noise": 0.15, "model": "reused"}
    assert {name: maps.attrs[name] for name in wanted} == wanted


def test_the_gradient_of_a_network_with_operations_in_place_is_that_without():
    model, images = reused(), pictures(2)
    batch = torch.stack([model.transform(Image.fromarray(one)) for one in random_pictures(2).values()]).requires_grad_()
    net = model.module
    first = net.bn1(net.conv1(batch)).relu()
    out = (net.bn2(net.conv2(first)) + first).relu().mean(dim=(2, 3))
    expected = torch.autograd.grad(net.fc(out).sum(), batch)[0].abs().amax(1)
    maps = mf.attribution.attribute(images, model=model, device="cpu")
    np.testing.assert_allclose(maps.values, expected.numpy(), atol=1e-7)


def test_images_that_cannot_be_read_are_left_out_and_named(tmp_path):
    Image.fromarray(random_pictures(1)["00.png"]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    images = mf.images.read([tmp_path / name for name in ("a.png", "b.png", "gone.png")], progress=False)
    with pytest.warns(MemfeatWarning, match="Images left out, 2: 'b.png: empty', 'gone.png: missing'"):
        maps = mf.attribution.attribute(images, model=smooth(), device="cpu")
    assert maps["image"].values.tolist() == ["a.png"]
    assert [row["image"] for row in json.loads(maps.attrs["left_out"])] == ["b.png", "gone.png"]
    with pytest.raises(NoImageError, match=r"images must hold at least one readable image; got others, 2: .*empty"):
        mf.attribution.attribute(images.isel(image=[1, 2]), model=smooth(), device="cpu")


def test_a_file_that_went_bad_halfway_is_left_out(tmp_path):
    for name in "ab":
        Image.fromarray(random_pictures(1)["00.png"]).save(tmp_path / f"{name}.png")
    images = mf.images.read(tmp_path, progress=False)
    (tmp_path / "a.png").unlink()
    with pytest.warns(MemfeatWarning, match=r"left out, 1: 'a\.png: missing'"):
        maps = mf.attribution.attribute(images, model=smooth(), device="cpu", batch_size=1)
    assert maps["image"].values.tolist() == ["b.png"]


def test_faces_are_cautioned_about_for_resmems_score_alone():
    model = smooth()
    facts = {**model.provenance, "variant": "retrained"}
    resmem = mf.models.Model("resmem", model.module, model.transform, facts)
    images = pictures(1).assign(contents="faces")
    with pytest.warns(FacesWarning, match="1 of 1 images are declared as faces"):
        maps = mf.attribution.attribute(images, model=resmem, device="cpu")
    assert maps.attrs["cautions"] == "faces"
    mf.attribution.attribute(images, model=resmem, target=("0", 0), device="cpu")


REFUSED = {
    "no model": ({"model": nn.Flatten()}, KindError, "model must be a memfeat Model; got Flatten"),
    "method": ({"method": "guess"}, ArgumentError, "method must be one of 'gradient', 'smoothgrad'"),
    "option": ({"steps": 3}, UnknownNameError, r"option must be a known name; got 'steps'\. Did you mean 'n_steps'"),
    "another's option": ({"window": 3}, ArgumentError, "options must belong to method 'gradient'; got window"),
    "no seed": ({"method": "smoothgrad"}, KindError, "rng must be a whole number"),
    "noise": ({"method": "smoothgrad", "noise": -1, "rng": 0}, ArgumentError, "noise must be finite, from 0; got -1"),
    "noise kind": ({"method": "smoothgrad", "noise": "a", "rng": 0}, KindError, "noise must be a number; got 'a'"),
    "baseline": ({"method": "occlusion", "baseline": 2}, ArgumentError, "baseline must lie from 0 to 1; got 2"),
    "n_steps": ({"method": "integrated_gradients", "n_steps": 0}, ArgumentError, "n_steps must be at least 1; got 0"),
    "stride": ({"method": "occlusion", "window": 2, "stride": 3}, ArgumentError, "stride must be at most the window"),
    "window": (
        {"method": "occlusion"},
        ArgumentError,
        "window must be at most the side of the network's input, 8; got 32",
    ),
    "channels": ({"channels": "all"}, ArgumentError, "channels must be one of 'max', 'sum'; got 'all'"),
    "pool": ({"pool": "sum"}, ArgumentError, "pool must be one of 'mean', 'max', 'centre'; got 'sum'"),
    "target": ({"target": "3"}, KindError, r"target must say what is asked .* got '3'\. Pass 'score', \(layer, unit\)"),
    "layer kind": ({"target": (3, 0)}, KindError, "layer must be the name of a layer; got 3"),
    "layer": ({"target": ("33", 0)}, UnknownNameError, "layers must name layers of this network; got '33'"),
    "several layers": ({"target": ("*", 0)}, ArgumentError, "layer must name one layer; got 8: '0', '1', '2', …"),
    "unit": ({"target": ("3", 5)}, ArgumentError, "target must name units from 0 to 4 of layer '3'; got 5"),
    "unit below": ({"target": ("3", -1)}, ArgumentError, "target must name units from 0 to 4 of layer '3'; got -1"),
    "unit kind": ({"target": ("3", "a")}, KindError, "target must name units by number"),
    "unit true": ({"target": ("3", True)}, KindError, "target must name units by number"),
    "no unit": ({"target": ("3", [])}, ArgumentError, r"hold one weight for each of 5 channels .* got shape \(0,\)"),
    "two units": ({"target": ("3", [0, 1])}, ArgumentError, "target must name one unit; got 2: '0', '1'. Call it once"),
    "direction": ({"target": ("3", np.ones(4))}, ArgumentError, r"one weight for each of 5 channels of layer '3'; got"),
    "nothing": ({"target": ("3", np.zeros(5))}, ArgumentError, "target must hold finite weights, not all of them 0"),
    "no map": ({"method": "grad_cam", "layer": "6"}, ArgumentError, "put out a map with rows and columns; got '6'"),
    "no map before": ({"method": "grad_cam", "target": ("0", 0)}, ArgumentError, "layer must be said where no map"),
}


@pytest.mark.parametrize(("options", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_an_attribution_that_cannot_be_had_is_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        mf.attribution.attribute(pictures(1), **{"model": smooth(), "device": "cpu"} | options)


def test_a_network_without_a_score_and_one_whose_map_comes_twice_are_refused():
    with pytest.raises(ArgumentError, match=r"one number per image for the target 'score'; got shape \(1, 16, 16\)"):
        attribute(plain(SquashAndCrop(20, 16)))
    with pytest.raises(ArgumentError, match="layer must be the only call of its module for 'grad_cam'; got 'relu@1'"):
        attribute(reused(), "grad_cam", layer="relu@1")


def test_without_captum_the_methods_that_need_it_say_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    for method in ("integrated_gradients", "grad_cam", "occlusion"):
        with pytest.raises(MissingPackageError, match=rf"captum must .* method='{method}'; .*memfeat\[attribution\]"):
            attribute(smooth(), method, n=1)
    assert attribute(smooth(), n=1).shape == (1, SIDE, SIDE)


# --- between the picture and the network's input --------------------------------------------------------------------


def published():
    steps = [transforms.Resize(20), transforms.CenterCrop(16), transforms.ToTensor()]
    return transforms.Compose([*steps, transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])


def test_light_is_what_the_preprocessing_does_to_values():
    light = lights.light_of(plain(published()))
    np.testing.assert_allclose(light.black.ravel(), [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-5)
    np.testing.assert_allclose(light.span.ravel(), [1 / 0.229, 1 / 0.224, 1 / 0.225], rtol=1e-5)
    picture = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(light.shown(light.given(picture)), picture)


def test_what_a_network_sees_of_a_picture_is_found_by_asking_its_preprocessing():
    model = plain(published())
    edges = lights.seen(model, lights.light_of(model))(40, 30)
    # 40 × 30 becomes 26 × 20, of which 5 columns and 2 rows are cut off on each side
    assert edges == pytest.approx((5 / 26 * 40, 3, 21 / 26 * 40, 27), abs=0.15)


def test_asking_agrees_with_what_is_known_of_resmems_own_preprocessing():
    known = plain(SquashAndCrop(256, 227))
    asked = plain(lambda image: SquashAndCrop(256, 227)(image))
    light = lights.light_of(known)
    exactly = lights.seen(known, light)(500, 375)
    assert lights.seen(asked, light)(500, 375) == pytest.approx(exactly, abs=0.3)


@pytest.mark.parametrize(
    ("transform", "rule"),
    [
        (lambda image: to_tensor(image) ** 2, "shift and scale the values of a picture"),
        (lambda image: to_tensor(image) * torch.linspace(0, 1, image.width), "give pictures of one colour one colour"),
        (lambda image: to_tensor(ImageOps.mirror(image)), "resize and crop a picture, no more"),
        (lambda image: to_tensor(image.transpose(Image.Transpose.ROTATE_90)), "resize and crop a picture, no more"),
    ],
    ids=["gamma", "vignette", "mirror", "turn"],
)
def test_a_preprocessing_that_does_more_is_refused(transform, rule):
    with pytest.raises(ArgumentError, match=f"the network's transform must {rule}"):
        attribute(plain(transform), n=1, target=("0", 0))


# --- receptive fields -----------------------------------------------------------------------------------------------


class Gated(nn.Module):
    """A residual block whose sum goes through a gate, if there is one."""

    def __init__(self, *, gate=False):
        super().__init__()
        self.conv, self.skip = nn.Conv2d(3, 3, 3, stride=2, padding=1), nn.Conv2d(3, 3, 1, stride=2)
        self.gate, self.out = gate, nn.ReLU()

    def forward(self, x):
        both = self.conv(x) + self.skip(x)
        return self.out(both * both.mean(dim=(2, 3), keepdim=True).sigmoid() if self.gate else both)


ALEXNET = [
    nn.Conv2d(3, 2, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5),
    nn.Conv2d(2, 2, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
    nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(3, 2),
]  # fmt: skip
#: network, layer -> size, stride and start along y and x, by hand
FIELDS = {
    "one convolution": ([nn.Conv2d(3, 1, 3, padding=1)], "0", [(3, 1, -1)] * 2),
    "two": ([nn.Conv2d(3, 2, 3), nn.Conv2d(2, 1, 3, stride=2)], "1", [(5, 2, 0)] * 2),
    "stride first": ([nn.Conv2d(3, 2, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 3)], "2", [(7, 2, -1)] * 2),
    "dilated": ([nn.Conv2d(3, 1, 3, dilation=2, padding=2)], "0", [(5, 1, -2)] * 2),
    "oblong": ([nn.Conv2d(3, 1, (1, 5), stride=(2, 1), padding=(0, 2))], "0", [(1, 2, 0), (5, 1, -2)]),
    "padded on two sides": ([nn.ZeroPad2d((2, 0, 1, 0)), nn.Conv2d(3, 1, 3)], "1", [(3, 1, -1), (3, 1, -2)]),
    "pooled": ([nn.AvgPool2d(2), nn.MaxPool2d(3, 2, padding=1)], "1", [(6, 4, -2)] * 2),
    # 195 and 32: Araujo, Norris & Sim (2019), Distill, for AlexNet
    "AlexNet": (ALEXNET, "10", [(195, 32, -64)] * 2),
    "residual": ([Gated(), nn.Conv2d(3, 1, 3)], "1", [(7, 2, -1)] * 2),
    "gate": ([Gated(gate=True)], "0", [(256, 0, 0)] * 2),
    "same size pooling": ([nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(254)], "1", [(3, 1, 0)] * 2),
    "pooling to one": ([nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(1)], "1", [(256, 0, 0)] * 2),
    "transposed": ([nn.ConvTranspose2d(3, 1, 2, stride=2)], "0", [(256, 0, 0)] * 2),
}


@pytest.mark.parametrize(("parts", "layer", "expected"), FIELDS.values(), ids=FIELDS)
def test_receptive_fields_by_hand(parts, layer, expected):
    found = mf.attribution.receptive_field(mf.models.wrap(nn.Sequential(*parts), to_tensor), layer)
    for axis, (size, stride, start) in zip(("y", "x"), expected, strict=True):
        one = found.sel(axis=axis)
        assert (int(one["size"]), int(one["stride"]), int(one["start"])) == (size, stride, start)
        assert int(one["pixels"]) == 256
    assert found.attrs["layer"] == layer


POSITIVE = st.lists(
    st.tuples(st.sampled_from(["convolution", "pool"]), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15)
@given(POSITIVE, st.integers(0, 100))
# the last place of the last map sees padding where the image goes on: strides have left out its last three pixels
@example([("convolution", 1, 2, 0), ("convolution", 1, 2, 0), ("convolution", 3, 1, 1)], 7)
def test_a_receptive_field_is_what_has_a_gradient(steps, place):
    parts = [
        nn.Conv2d(3, 3, k, stride=s, padding=min(p, k // 2))
        if kind == "convolution"
        else nn.AvgPool2d(k, s, padding=min(p, k // 2))
        for kind, k, s, p in steps
    ]
    module = nn.Sequential(*parts).double()
    for parameter in module.parameters():
        parameter.data.uniform_(0.5, 1.5)
    model = mf.models.wrap(module, SquashAndCrop(40, 40))
    y, x = fields.field_of(model, str(len(parts) - 1))
    image = torch.ones(1, 3, 40, 40, dtype=torch.double, requires_grad=True)
    at = place % y.places, (place * 7) % x.places
    (slope,) = torch.autograd.grad(module(image)[0, 0, at[0], at[1]], image)
    rows, columns = (np.flatnonzero((slope[0].abs().sum(0) > 0).any(dim=axis).numpy()) for axis in (1, 0))
    assert (rows[0], rows[-1] + 1) == y.box(at[0])
    assert (columns[0], columns[-1] + 1) == x.box(at[1])


def test_padding_and_strides_leave_out_pixels_at_the_edges():
    parts = [nn.Conv2d(3, 1, (2, 1), stride=4), nn.Conv2d(1, 1, 3, padding=1)]
    found = mf.attribution.receptive_field(mf.models.wrap(nn.Sequential(*parts), SquashAndCrop(20, 20)), "1")
    # five places; the last one begins at 16, and is two pixels high and one wide
    assert found["last"].values.tolist() == [17, 16]
    assert found["first"].values.tolist() == [0, 0]
    assert found["size"].values.tolist() == [10, 9]


def test_layers_without_a_map_and_without_the_image_are_refused():
    model = smooth()
    with pytest.raises(ArgumentError, match=r"layer must put out a map .* got '6' with axes channel\. See mf\.models"):
        mf.attribution.receptive_field(model, "6")
    with pytest.raises(KindError, match="model must be a memfeat Model; got Sequential"):
        mf.attribution.receptive_field(model.module, "0")
    with pytest.raises(UnknownNameError, match="layers must name layers of this network; got 'x'"):
        mf.attribution.receptive_field(model, "x")

    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros_like(x)

    with pytest.raises(ArgumentError, match="layer must depend on the image; got a map of constants"):
        mf.attribution.receptive_field(mf.models.wrap(nn.Sequential(Constant()), to_tensor), "0")


def test_a_network_with_channels_last_sees_everything():
    class Last(nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1)

    model = mf.models.wrap(nn.Sequential(nn.Conv2d(3, 2, 3), Last(), nn.LayerNorm(2)), to_tensor)
    found = mf.attribution.receptive_field(model, "2").sel(axis="y")
    assert (int(found["size"]), int(found["stride"])) == (256, 0)


# --- top images and what units see of them --------------------------------------------------------------------------


def layer(values, name="a", dims=("image", "a:channel"), images=None):
    values = np.asarray(values, float)
    names = [f"{i}.png" for i in range(len(values))] if images is None else images
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name)


def test_top_images_by_hand():
    features = layer([[1, 5], [3, 4], [2, 6], [0, 9]])
    found = mf.attribution.top_images(features, [1, 0], k=2)
    assert found["name"].dims == ("unit", "end", "rank")
    assert found["name"].sel(unit=0, end="most").values.tolist() == ["1.png", "2.png"]
    assert found["name"].sel(unit=0, end="least").values.tolist() == ["3.png", "0.png"]
    assert found["value"].sel(unit=1, end="most").values.tolist() == [9, 6]
    assert found["value"].sel(unit=1, end="least").values.tolist() == [4, 5]
    assert set(found.data_vars) == {"name", "value"}
    assert (found.attrs["layer"], found.attrs["n_images"]) == ("a", 4)


def test_equal_values_are_in_the_order_of_names_at_both_ends():
    features = layer([[1], [1], [1]], images=["c", "a", "b"])
    found = mf.attribution.top_images(features, 0, k=3)
    assert found["name"].sel(unit=0).values.tolist() == [["a", "b", "c"]] * 2


def test_places_of_a_map_are_where_the_unit_is_strongest():
    values = np.zeros((2, 1, 2, 3))
    values[0, 0, 1, 2], values[1, 0, 0, 1] = 5, 3
    features = layer(values, dims=("image", "a:channel", "a:y", "a:x"))
    found = mf.attribution.top_images(features, 0, k=2).sel(unit=0)
    assert found["name"].sel(end="most").values.tolist() == ["0.png", "1.png"]
    assert (found["y"].sel(end="most").values.tolist(), found["x"].sel(end="most").values.tolist()) == ([1, 0], [2, 1])
    mean = mf.attribution.top_images(features, 0, k=2, pool="mean").sel(unit=0)
    np.testing.assert_allclose(mean["value"].sel(end="most"), [5 / 6, 3 / 6])
    assert mean.attrs["pool"] == "mean"


@settings(max_examples=25)
@given(st.lists(st.integers(-3, 3), min_size=3, max_size=12), st.randoms(use_true_random=False))
def test_top_images_are_those_of_a_sort_whatever_the_order(values, random):
    names = [f"{i:02}" for i in range(len(values))]
    together = list(zip(values, names, strict=True))
    random.shuffle(together)
    features = layer([[v] for v, _ in together], images=[n for _, n in together])
    found = mf.attribution.top_images(features, 0, k=3).sel(unit=0)
    most = sorted(together, key=lambda pair: (-pair[0], pair[1]))[:3]
    assert found["name"].sel(end="most").values.tolist() == [n for _, n in most]
    assert found["name"].sel(end="least").values.tolist() == [n for _, n in sorted(together)[:3]]


def test_a_lazy_layer_is_read_some_images_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    features = layer(rng.normal(size=(7, 3, 2, 2)), dims=("image", "a:channel", "a:y", "a:x"))
    whole = mf.attribution.top_images(features, [0, 2], k=3)
    monkeypatch.setattr(ranking, "BLOCK_BYTES", 2 * 2 * 4 * 8)
    xr.testing.assert_identical(mf.attribution.top_images(features.chunk({"image": 2}), [0, 2], k=3), whole)


def test_units_with_names_and_other_axes():
    named = layer([[1, 2], [2, 1]], dims=("image", "rated:unit"), name="rated")
    named = named.assign_coords({"rated:unit": ["x", "y"]})
    found = mf.attribution.top_images(named, ["y", "x"], k=1)
    assert found["name"].sel(end="most", rank=1).values.tolist() == ["0.png", "1.png"]
    tokens = layer(np.arange(12).reshape(2, 3, 2), dims=("image", "a:token", "a:channel"))
    most = mf.attribution.top_images(tokens, 1, k=1).sel(unit=1, end="most")
    assert float(most["value"][0]) == 11
    assert "y" not in most


TOPLESS = {
    "k": ({"k": 5}, ArgumentError, "k must be at most the number of images, 2; got 5"),
    "unit": ({"units": 2}, ArgumentError, "units must lie from 0 to 1 in layer 'a'; got 2"),
    "kind": ({"units": 0.5}, KindError, "units must be whole numbers or names; got 0.5"),
    "name": ({"units": "x"}, UnknownNameError, "units must be numbers, as units of 'a' have no names; got 'x'"),
    "twice": ({"units": [1, 1]}, ArgumentError, r"units must name one unit or more, each once; got \[1, 1\]"),
    "none": ({"units": []}, ArgumentError, r"units must name one unit or more, each once; got \[\]"),
    "pool": ({"pool": "sum"}, ArgumentError, "pool must be one of 'max', 'mean'; got 'sum'"),
    "layer": ({"layer": "b"}, UnknownNameError, "layer must be a known name; got 'b'"),
}


@pytest.mark.parametrize(("options", "kind", "message"), TOPLESS.values(), ids=TOPLESS)
def test_top_images_that_cannot_be_had_are_refused(options, kind, message):
    options = {"units": 0, "k": 1} | options
    with pytest.raises(kind, match=message):
        mf.attribution.top_images(layer([[1, 2], [2, 1]]), options.pop("units"), **options)


def test_top_images_refuse_what_is_no_layer_of_units():
    two = xr.merge([layer([[1], [2]]), layer([[1], [2]], name="b", dims=("image", "b:channel"))])
    with pytest.raises(ArgumentError, match="layer must be said when there is more than one; got 2: 'a', 'b'"):
        mf.attribution.top_images(two, 0, k=1)
    with pytest.raises(ArgumentError, match=r"features must have a dim that counts units; got dims \['p', 'q'\]"):
        mf.attribution.top_images(layer(np.ones((2, 2, 2)), dims=("image", "p", "q")), 0, k=1)
    with pytest.raises(ArgumentError, match="must be finite for every image; got NaN or infinity in 1: '1.png'"):
        mf.attribution.top_images(layer([[1], [np.nan]]), 0, k=1)


def test_the_retrained_network_is_cautioned_about():
    features = layer([[1], [2]]).to_dataset().assign_attrs(variant="retrained")
    with pytest.warns(RetrainedWarning, match="released it to predict"):
        found = mf.attribution.top_images(features, 0, k=1)
    assert found.attrs["cautions"] == "retrained"


def spots():
    """Black pictures of 40 × 20 pixels, each with one white square of 2 × 2."""
    places = {"a": (3, 8), "b": (10, 30), "c": (15, 21)}
    drawn = {}
    for name, (top, left) in places.items():
        picture = np.zeros((20, 40, 3), np.uint8)
        picture[top : top + 2, left : left + 2] = 255
        drawn[name] = picture
    return places, mf.images.read(drawn, progress=False)


def seeing(transform):
    """One unit that sums up 4 × 4 pixels of the input."""
    conv = nn.Conv2d(3, 1, 4, stride=4, bias=False)
    conv.weight.data.fill_(1.0)
    return mf.models.wrap(nn.Sequential(conv), transform)


def test_a_crop_is_what_the_strongest_place_sees():
    places, images = spots()
    model = seeing(SquashAndCrop(20, 16))
    features = mf.extract(images, model=model, layers="0", reduce="none", progress=False)
    top = mf.attribution.top_images(features, 0, k=3)
    cuts = mf.attribution.crops(top, images, model=model, size=32)
    assert cuts.dims == ("unit", "end", "rank", "y", "x", "rgb")
    for rank in range(3):
        one = cuts.sel(unit=0, end="most").isel(rank=rank)
        row, column = places[str(one["name"].values)]
        # the input is half as wide as the picture, less 4 pixels of it on the left, and as high, less 2 at the top
        left, upper = 4 + 8 * ((column - 4) // 8), 2 + 4 * ((row - 2) // 4)
        box = [int(one[side]) for side in ("left", "top", "right", "bottom")]
        assert box == [left, upper, left + 8, upper + 4]
        assert int(one.max()) == 255
        assert float((one == 255).mean()) > 0.5  # white around an oblong cut, and the spot
    assert cuts.attrs["layer"] == "0"
    assert cuts["value"].shape == (1, 2, 3)


def test_a_crop_ends_where_the_picture_ends():
    _, images = spots()
    wide = nn.Conv2d(3, 1, 31, padding=15, bias=False)
    model = mf.models.wrap(nn.Sequential(wide), SquashAndCrop(20, 20))
    features = mf.extract(images, model=model, layers="0", reduce="none", progress=False)
    cuts = mf.attribution.crops(mf.attribution.top_images(features, 0, k=1), images, model=model)
    assert int(cuts["left"].min()) >= 0
    assert int(cuts["right"].max()) <= 40
    assert int(cuts["bottom"].max()) <= 20


def test_a_field_in_the_padding_still_has_a_pixel():
    field = fields.Field(size=2, stride=1, start=-3, places=20, pixels=16, first=0, last=15)
    assert cropping._within(field.box(0), 16, (0.0, 32.0), 32) == (0, 1)


def test_crops_refuse_what_does_not_fit():
    _, images = spots()
    model = seeing(SquashAndCrop(20, 16))
    features = mf.extract(images, model=model, layers="0", reduce="none", progress=False)
    top = mf.attribution.top_images(features, 0, k=1)
    with pytest.raises(KindError, match="top must come from mf.attribution.top_images; got DataArray"):
        mf.attribution.crops(top["value"], images, model=model)
    pooled = mf.attribution.top_images(layer([[1], [2]], name="0", dims=("image", "0:channel")), 0, k=1)
    with pytest.raises(ArgumentError, match="top must hold places of a map; .* reduce='none'"):
        mf.attribution.crops(pooled, images, model=model)
    with pytest.raises(ArgumentError, match="top must hold places of the layer's map; got place 9 of 4"):
        mf.attribution.crops(top.assign(y=top["y"] * 0 + 9), images, model=model)
    with pytest.raises(UnknownNameError, match="'a'|'b'|'c'"):
        mf.attribution.crops(top, images.isel(image=[]), model=model)


def test_crops_of_a_file_that_is_gone_say_which(tmp_path):
    for name, picture in random_pictures(2).items():
        Image.fromarray(picture).save(tmp_path / name)
    images, model = mf.images.read(tmp_path, progress=False), seeing(SquashAndCrop(20, 16))
    features = mf.extract(images, model=model, layers="0", reduce="none", progress=False)
    top = mf.attribution.top_images(features, 0, k=1)
    for name in random_pictures(2):
        (tmp_path / name).unlink()
    with pytest.raises(mf.images.UnreadableImage, match=r"0[01]\.png"):
        mf.attribution.crops(top, images, model=model)


# --- pictures made for a unit ---------------------------------------------------------------------------------------


def maximise(model, target="score", **options):
    return mf.attribution.maximise(model, target, **{"rng": 0, "steps": 15, "device": "cpu"} | options)


@pytest.mark.parametrize("parametrisation", priors.PARAMETRISATIONS)
def test_a_picture_raises_its_unit_above_every_photograph(parametrisation):
    model = reused()
    still = {"jitter": 1, "rotate": 0, "zoom": 0, "parametrisation": parametrisation, "learning_rate": 0.5}
    made = maximise(model, ("conv2", [0, 3]), steps=16, **still)
    features = mf.extract(pictures(11), model=model, layers="conv2", progress=False)["conv2"]
    best = features.max("image").values[[0, 3]]
    assert (made["reached"].values > best).all()
    assert made["activation"].dims == ("unit", "step")
    assert (made["activation"].values[:, -1] > made["activation"].values[:, 0]).all()


def test_what_is_reached_is_what_the_network_says_of_the_picture():
    model = smooth()
    made = maximise(model, ("3", 2))
    batch = torch.from_numpy(made["picture"].values).double().movedim(-1, 1)
    expected = model.module[:4](batch)[0, 2].mean().detach()
    assert float(made["reached"].sel(unit=2)) == pytest.approx(float(expected), abs=1e-6)
    assert float(made["picture"].min()) >= 0
    assert float(made["picture"].max()) <= 1


def test_a_seed_gives_the_same_picture_and_another_seed_another():
    first, again, other = (maximise(reused(), ("conv2", 0), rng=seed) for seed in (3, 3, 4))
    xr.testing.assert_identical(first, again)
    assert first.attrs["seed"] == "3"
    assert not np.allclose(first["picture"], other["picture"])


def test_a_unit_gets_the_same_picture_alone_and_among_others_and_as_a_direction():
    model = smooth()
    three, one = maximise(model, ("3", [4, 0, 2])), maximise(model, ("3", 2))
    np.testing.assert_allclose(three["picture"].sel(unit=2), one["picture"].sel(unit=2), atol=1e-5)
    direction = xr.DataArray([1.0, 0, 0, 0, 0], dims="3:channel")
    along = maximise(model, ("3", direction))
    np.testing.assert_allclose(along["picture"].sel(unit="direction"), three["picture"].sel(unit=0), atol=1e-5)
    assert (along.attrs["target"], along.attrs["direction"]) == ("direction", [1, 0, 0, 0, 0])


def test_attributes_hold_everything_to_do_it_again():
    made = maximise(smooth(), ("3", [1]), blur=0.5, pool="centre", size=12)
    wanted = {
        "target": "unit", "layer": "3", "unit": [1], "pool": "centre", "steps": 15, "learning_rate": 0.05, "seed": "0",
        "parametrisation": "fourier", "decorrelate": "true", "jitter": 8, "rotate": 5, "zoom": 0.1, "blur": 0.5,
        "total_variation": 0, "size": [12, 12], "model": "smooth",
        "weights_sha256": smooth().origin()["weights_sha256"],
    }  # fmt: skip
    assert {name: made.attrs[name] for name in wanted} == wanted
    assert made["picture"].shape == (1, 12, 12, 3)


def test_total_variation_and_blur_make_pictures_smoother():
    def rough(**options):
        still = {"parametrisation": "pixels", "jitter": 0, "rotate": 0, "zoom": 0, "learning_rate": 0.9, "steps": 10}
        picture = maximise(smooth(), ("0", 1), **still | options)["picture"].values
        return float(priors.total_variation(torch.from_numpy(picture).movedim(-1, 1)))

    plainly = rough()
    assert rough(total_variation=1.0) < 0.7 * plainly
    assert rough(blur=1.0) != plainly


def test_total_variation_by_hand():
    picture = torch.zeros(1, 3, 2, 2)
    picture[0, 0] = torch.tensor([[0.0, 1.0], [0.0, 3.0]])
    # down: 0 and 2 in one of three channels, 6 differences in all; across: 1 and 3
    assert float(priors.total_variation(picture)) == pytest.approx(2 / 6 + 4 / 6)


def test_pictures_are_shifted_turned_and_scaled_by_no_more_than_was_said():
    picture = torch.rand(1, 3, 9, 9)
    assert priors.moved(picture, [np.random.default_rng(0)], jitter=0, rotate=0, zoom=0) is picture
    always = SimpleNamespace(uniform=lambda low, high, size: np.array([1.0, 0, 0, 0]))
    shifted = priors.moved(picture, [always], jitter=2, rotate=0, zoom=0)
    torch.testing.assert_close(shifted[..., :-2], picture[..., 2:])
    turning = SimpleNamespace(uniform=lambda low, high, size: np.array([0.0, 0, 1, 0]))
    torch.testing.assert_close(priors.moved(picture, [turning], jitter=0, rotate=90, zoom=0), picture.rot90(1, (2, 3)))
    scaling = SimpleNamespace(uniform=lambda low, high, size: np.array([0.0, 0, 0, -1]))
    larger = priors.moved(picture, [scaling], jitter=0, rotate=0, zoom=0.5)
    torch.testing.assert_close(larger[..., 4, 4], picture[..., 4, 4])
    torch.testing.assert_close(larger[..., 6, 6], picture[..., 5, 5])


def test_a_spectrum_makes_pictures_of_its_waves():
    rng = np.random.default_rng(0)
    start, made = priors.PARAMETRISATIONS["fourier"](rng, 6, 8)
    assert start.shape == (3, 6, 5, 2)
    only = torch.zeros(1, 3, 6, 5, 2)
    only[0, 0, 0, 1, 0] = 1.0
    # one wave along x, of frequency 1/8: its amplitude is divided by the frequency, and each half has half of it
    x = np.arange(8)
    wave = np.sqrt(48) / (1 / 8) / 4 * 2 * np.cos(2 * np.pi * x / 8) / 48
    np.testing.assert_allclose(made(only)[0, 0].numpy(), np.broadcast_to(wave, (6, 8)), atol=1e-5)
    assert not made(only)[0, 1:].any()


def test_a_score_that_saturates_is_warned_about():
    model = smooth()
    model.module[6].weight.data *= 100
    still = {"jitter": 0, "rotate": 0, "zoom": 0, "learning_rate": 0.6}
    with pytest.warns(SaturatedWarning, match=r"the score must stay below 0\.999 .* got (0\.999|1\.)\d+\. Its course"):
        made = maximise(mf.models.wrap(model.module, model.transform), steps=20, **still)
    assert made["unit"].values.tolist() == ["score"]
    assert float(made["reached"][0]) > 0.999


def test_a_score_that_has_no_limit_is_not_warned_about():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 1))
    module[1].weight.data.fill_(1.0)
    made = maximise(mf.models.wrap(module, SquashAndCrop(10, SIDE)), steps=5)
    assert float(made["reached"][0]) > 1


def test_a_network_of_ones_own_is_left_as_it_was():
    model = reused()
    held = model.module.conv1.register_forward_hook(lambda *_: None)
    model.module.train()
    model.module.requires_grad_(True)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    maximise(model, ("conv2", 0), steps=2)
    held.remove()
    assert model.module.training
    assert not model.module.conv2._forward_hooks
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.module.parameters())


def test_a_unit_that_does_not_respond_at_first_is_raised_all_the_same():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True))
    module[0].weight.data.fill_(1.0)
    module[0].bias.data = torch.tensor([-2.0, -1.0])
    model = mf.models.wrap(module, SquashAndCrop(10, SIDE))
    still = {"jitter": 0, "rotate": 0, "zoom": 0, "parametrisation": "pixels", "learning_rate": 0.3}
    made = maximise(model, ("1", [0, 1]), steps=30, **still)
    # grey is 1.5 in all, less than the first unit asks for
    assert float(made["activation"].sel(unit=0)[0]) == 0
    assert (made["reached"].values > 0.5).all()


def test_slopes_are_let_through_only_where_all_of_an_image_are_blocked():
    module = nn.Sequential(nn.ReLU())
    redirecting.redirected(module)
    values = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, 2.0, 0.0]], requires_grad=True)
    out = module(values)
    assert out.tolist() == [[0, 0, 0], [0, 2, 0]]
    weights = torch.tensor([-1.0, 1.0, -2.0])
    (slope,) = torch.autograd.grad((out * weights).sum(), values)
    assert slope.tolist() == [[-1, 0, -2], [0, 1, 0]]
    (slope,) = torch.autograd.grad((module(values[1:]) * weights).sum(), values)
    assert slope.tolist() == [[0, 0, 0], [0, 1, 0]]


@needs_gpu
@pytest.mark.parametrize("method", methods.METHODS)
def test_a_gpu_gives_the_same_maps(method):
    asked = {"model": smooth(), "method": method, "progress": False} | SMALL.get(method, {})
    here, there = (mf.attribution.attribute(pictures(), device=device, **asked) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.values, here.values, rtol=1e-5, atol=1e-9)


@needs_gpu
@pytest.mark.parametrize("parametrisation", priors.PARAMETRISATIONS)
def test_a_gpu_makes_the_same_pictures(parametrisation):
    asked = {"parametrisation": parametrisation, "blur": 0.5, "total_variation": 0.1}
    here, there = (maximise(smooth(), ("3", [2, 0]), device=device, **asked) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there["picture"].values, here["picture"].values, atol=1e-4)
    np.testing.assert_allclose(there["reached"].values, here["reached"].values, rtol=1e-4)


UNMADE = {
    "steps": ({"steps": 0}, ArgumentError, "steps must be at least 1; got 0"),
    "parametrisation": ({"parametrisation": "gan"}, ArgumentError, "parametrisation must be one of 'fourier'"),
    "decorrelate": ({"decorrelate": 1}, KindError, "decorrelate must be True or False; got 1"),
    "rate": ({"learning_rate": 0}, ArgumentError, "learning_rate must be a finite number from 0"),
    "jitter": ({"jitter": -1}, ArgumentError, "jitter must be a finite number from 0"),
    "blur": ({"blur": "a"}, KindError, "blur must be a number; got 'a'"),
    "zoom": ({"zoom": 1.5}, ArgumentError, "zoom must be below 1; got 1.5"),
    "size": ({"size": 1}, ArgumentError, "size must be at least 2; got 1"),
    "unfit": ({"size": 12}, ArgumentError, "size must suit the network; got 12. Leave it out. What the network said"),
    "option": ({"step": 3}, UnknownNameError, r"option must be a known name; got 'step'\. Did you mean 'steps'"),
    "seed": ({"rng": None}, KindError, "rng must be a whole number"),
    "unit": ({"target": ("3", 9)}, ArgumentError, "target must name units from 0 to 4 of layer '3'; got 9"),
    "layer": ({"target": ("9", 0)}, UnknownNameError, "layers must name layers of this network; got '9'"),
}


@pytest.mark.parametrize(("options", "kind", "message"), UNMADE.values(), ids=UNMADE)
def test_a_picture_that_cannot_be_made_is_refused(options, kind, message):
    options = dict(options)
    with pytest.raises(kind, match=message):
        maximise(smooth(), options.pop("target", "score"), **options)


@pytest.mark.data
def test_a_picture_raises_a_late_unit_of_the_frozen_network_above_photographs(lnsim_features, frozen):
    photographs = lnsim_features["resmem-frozen"]["features.layer4.2"]
    unit = 512
    made = maximise(frozen, ("features.layer4.2", unit), rng=0, steps=24, size=96, learning_rate=0.1, jitter=4)
    best = float(photographs.isel({"features.layer4.2:channel": unit}).max())
    assert float(made["reached"].sel(unit=unit)) > best
