"""What is kept of a module's output: values, axes and names of every reduction, and of a user's own functions."""

import functools
import importlib.util
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim
from torch import nn
from torchvision.models.convnext import CNBlock, LayerNorm2d
from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlock
from torchvision.models.vision_transformer import VisionTransformer

import memfeat as mf
from memfeat._kept import Layout, axes_of, reduction
from memfeat._kept.projection import Projection, dimension_for
from memfeat.activations.capture import captured
from memfeat.errors import ArgumentError, KindError, MemfeatWarning
from memfeat.models import preprocessing
from memfeat.models.layers import select

PLAIN = ["mean", "max", "flatten", "none", "magnitude", "grid:2", "grid:5"]
MAPS = torch.arange(12.0).reshape(1, 2, 2, 3)
TOKENS = torch.tensor([[[1.0, 10.0], [3.0, 30.0]]])


def wrapped(module: nn.Module) -> mf.models.Model:
    return mf.models.wrap(module.eval(), preprocessing.SquashAndCrop(36, 32))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return wrapped(nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(400, 6)))


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(1)
    return wrapped(VisionTransformer(32, 8, 1, 2, 12, 24, num_classes=3))


@pytest.fixture(scope="module")
def swin():
    torch.manual_seed(2)
    return wrapped(SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return {f"{i}.png": rng.integers(0, 256, (36, 36, 3), dtype=np.uint8) for i in range(5)}


def kept(spec, output, *, axes=None, **more):
    found = reduction(spec, **more)
    return (found if axes is None else found.knowing({"here": axes})).apply("here", output)


# --- pooling ----------------------------------------------------------------------------------------------------------


def test_reductions_are_what_their_names_say():
    assert kept("mean", MAPS).tolist() == [[2.5, 8.5]]
    assert kept("max", MAPS).tolist() == [[5.0, 11.0]]
    assert kept("flatten", MAPS).tolist() == [list(range(12))]
    assert torch.equal(kept("none", MAPS), MAPS)
    assert kept("mean", TOKENS).tolist() == [[2.0, 20.0]]
    assert kept("cls", TOKENS).tolist() == [[1.0, 10.0]]
    assert kept("max", torch.tensor([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_video_is_averaged_over_time_and_space():
    output = torch.arange(16.0).reshape(1, 2, 2, 2, 2)
    assert kept("mean", output).tolist() == [[3.5, 11.5]]


def test_maps_with_channels_last_are_averaged_over_space():
    output = torch.tensor([[[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [6.0, 60.0]]]])
    assert kept("mean", output, axes=("y", "x", "channel")).tolist() == [[3.0, 30.0]]
    assert kept("max", output, axes=("y", "x", "channel")).tolist() == [[6.0, 60.0]]
    assert kept("grid:1", output, axes=("y", "x", "channel")).tolist() == [[[[3.0]], [[30.0]]]]


def test_a_grid_holds_the_mean_of_each_field():
    output = torch.arange(32.0).reshape(1, 2, 4, 4)
    assert kept("grid:2", output)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert kept("grid:2", output)[0, 1].tolist() == [[18.5, 20.5], [26.5, 28.5]]


@settings(max_examples=30)
@given(side=st.integers(1, 4), k=st.integers(1, 4), n=st.integers(1, 3))
def test_a_grid_that_divides_the_map_agrees_with_numpy(side, k, n):
    values = np.random.default_rng(side).normal(size=(n, 3, side * k, side * k)).astype(np.float32)
    expected = values.reshape(n, 3, k, side, k, side).mean(axis=(3, 5))
    np.testing.assert_allclose(kept(f"grid:{k}", torch.from_numpy(values)), expected, atol=1e-6)


def test_maps_smaller_than_the_grid_and_layers_without_maps_stay_as_they_are():
    assert torch.equal(kept("grid:3", MAPS), MAPS)
    assert torch.equal(kept("grid:7", TOKENS), TOKENS)
    one = torch.tensor([[1.0, 2.0]])
    assert torch.equal(kept("grid:7", one), one)
    assert kept("grid:2", torch.arange(12.0).reshape(1, 1, 2, 6)).tolist() == [[[[1.0, 4.0], [7.0, 10.0]]]]


# --- magnitude --------------------------------------------------------------------------------------------------------


def test_magnitude_by_hand():
    output = torch.tensor([[[3.0], [-4.0]], [[0.0], [1.0]]])
    assert kept("magnitude", output).tolist() == [[7.0, 5.0, -0.5], [1.0, 1.0, 0.5]]


def test_magnitude_does_not_lose_digits_or_overflow():
    many = torch.full((1, 3_000_000), 0.1)
    exact = float(np.float32(0.1))
    l1, l2, mean = kept("magnitude", many)[0].double().tolist()
    assert l1 == pytest.approx(3_000_000 * exact, rel=1e-7)
    assert l2 == pytest.approx(np.sqrt(3_000_000) * exact, rel=1e-7)
    assert mean == pytest.approx(exact, rel=1e-7)
    assert kept("magnitude", torch.full((1, 2), 1e30))[0, 1].item() == pytest.approx(np.sqrt(2) * 1e30, rel=1e-6)


@settings(max_examples=50)
@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=st.floats(-99, 99, width=32))
)
def test_magnitude_agrees_with_numpy_and_grows_with_its_input(values):
    rows = values.reshape(len(values), -1).astype(np.float64)
    expected = np.stack([np.abs(rows).sum(1), np.sqrt((rows**2).sum(1)), rows.mean(1)], axis=1)
    found = kept("magnitude", torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    # Below the smallest normal number float32 has fewer digits than 1e-6 asks for.
    tiny = np.finfo(np.float32).tiny
    np.testing.assert_allclose(kept("magnitude", torch.from_numpy(2 * values)).numpy(), 2 * found, rtol=1e-6, atol=tiny)


# --- layouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        ("mean", (4, 6, 5), Layout(("channel",), (4,))),
        ("max", (7, 12), Layout(("channel",), (12,))),
        ("flatten", (4, 6, 5), Layout(("unit",), (120,))),
        ("none", (4, 6, 5), Layout(("channel", "y", "x"), (4, 6, 5))),
        ("none", (7, 12), Layout(("token", "channel"), (7, 12))),
        ("cls", (7, 12), Layout(("channel",), (12,))),
        ("grid:2", (4, 6, 5), Layout(("channel", "y", "x"), (4, 2, 2))),
        ("grid:2", (4, 3, 6, 5), Layout(("channel", "time", "y", "x"), (4, 3, 2, 2))),
        ("grid:2", (4,), Layout(("channel",), (4,))),
        ("magnitude", (4, 6, 5), Layout(("statistic",), (3,), ("l1", "l2", "mean"))),
        ("project:0.9", (40, 6, 5), Layout(("component",), (34,))),
        ("project:0.9", (34,), Layout(("unit",), (34,))),
    ],
)
def test_layouts_by_hand(spec, shape, expected):
    # With 4 images and eps .9: 4 ln 4 / (.9² / 2 - .9³ / 3) = 34.2.
    assert reduction(spec, n_images=4).layout("here", shape) == expected


@settings(max_examples=50)
@given(spec=st.sampled_from([*PLAIN, "project:0.9"]), shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=6))
def test_a_layout_is_what_applying_gives(spec, shape):
    chosen = reduction(spec, n_images=4)
    layout = chosen.layout("here", shape)
    assert chosen.apply("here", torch.ones(2, *shape)).shape[1:] == layout.shape
    assert len(layout.axes) == len(layout.shape)
    assert layout.nbytes == 4 * int(np.prod(layout.shape))


def test_one_number_per_image_has_no_axes_and_four_bytes():
    layout = reduction(lambda output: output.flatten(1).sum(1)).layout("here", (4, 6, 5))
    assert layout == Layout((), ())
    assert layout.nbytes == 4


def test_more_axes_than_have_a_name_are_numbered():
    assert axes_of(5) == ("axis0", "axis1", "axis2", "axis3", "axis4")


# --- projections ------------------------------------------------------------------------------------------------------


def test_a_projection_says_what_it_is():
    name = r"project\(eps=0\.1, seed={}, dim=6515, draw=[0-9a-f]{{8}}\)"
    assert re.fullmatch(name.format(0), reduction("project:0.1", n_images=2_000).name)
    assert re.fullmatch(name.format(3), reduction("project:.10:3", n_images=2_000).name)
    assert reduction("grid:4").name == "grid(k=4)"
    assert dimension_for(0.1, 2_000) == johnson_lindenstrauss_min_dim(2_000, eps=0.1)
    assert dimension_for(0.5, 1) == dimension_for(0.5, 2) > 0


def test_a_projection_is_sklearns():
    chosen = Projection(0.5, 7, 20)
    output = torch.randn((3, 4, 5, 6), generator=torch.Generator().manual_seed(0))
    found, axes = chosen.keep("layer.1", output, ("channel", "y", "x"))
    matrix = chosen._matrix("layer.1", 120, torch.device("cpu")).to_dense().numpy()
    np.testing.assert_allclose(found, output.flatten(1).numpy() @ matrix.T, atol=1e-5)
    assert axes == ("component",)
    # The values and the share of zeros are those of the published construction (Li et al., 2006).
    assert np.unique(np.abs(matrix)).tolist() == pytest.approx([0, np.sqrt(np.sqrt(120) / 20)])
    assert np.mean(matrix != 0) == pytest.approx(1 / np.sqrt(120), rel=0.3)
    reference = SparseRandomProjection(n_components=20, random_state=0).fit(output.flatten(1).numpy())
    assert np.count_nonzero(matrix) == pytest.approx(reference.components_.nnz, rel=0.3)


def test_a_projection_keeps_squared_distances():
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.normal(size=(8, 4_000)).astype(np.float32))
    # As many components as a thousand images need, so that eight are far from the edge of what is promised.
    found = kept("project:0.4", values, n_images=1_000)
    assert found.shape == (8, dimension_for(0.4, 1_000))
    ratio = (torch.pdist(found) / torch.pdist(values)) ** 2
    assert ratio.min() > 0.6
    assert ratio.max() < 1.4


def test_a_matrix_depends_on_seed_layer_and_nothing_else():
    values = torch.randn((2, 500), generator=torch.Generator().manual_seed(0))
    first, again = (reduction("project:0.9", n_images=9) for _ in range(2))
    assert first.name == again.name
    again.apply("other", values)
    assert torch.equal(first.apply("here", values), again.apply("here", values))
    assert torch.equal(first.apply("here", values[:1]), again.apply("here", values)[:1])
    assert not torch.equal(first.apply("here", values), first.apply("there", values))
    assert not torch.equal(first.apply("here", values), reduction("project:0.9:1", n_images=9).apply("here", values))


def test_a_matrix_is_the_same_in_another_process():
    code = """
        import torch
        from memfeat._kept import reduction
        print(reduction("project:0.9", n_images=9).apply("here", torch.ones(1, 500)).tolist())
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(kept("project:0.9", torch.ones(1, 500), n_images=9).tolist())


def test_a_layer_that_is_small_already_is_kept_whole():
    values = torch.randn((2, 3, 3, 3), generator=torch.Generator().manual_seed(0))
    assert torch.equal(kept("project:0.9", values, n_images=9), values.flatten(1))


def test_a_store_gives_a_projection_its_dimension():
    # 4 ln 1000 / (.5² / 2 - .5³ / 3) = 331.6, and 221.0 for 100 images; sklearn leaves the fraction out.
    stored = reduction("project:0.5", n_images=100).name
    assert reduction("project:0.5", stored=stored).name == stored
    assert reduction("project:0.5", n_images=50, stored=stored).name == stored
    with pytest.warns(MemfeatWarning, match=r"reduce must have 331 components for 1000 images; got 221\. Extract all"):
        assert reduction("project:0.5", n_images=1_000, stored=stored).name == stored
    # Other parameters, and other reductions, are for the store to refuse.
    assert reduction("project:0.5:1", n_images=100, stored=stored).name != stored
    assert reduction("project:0.4", n_images=100, stored=stored).name != stored
    assert reduction("project:0.5", n_images=100, stored="mean").name == stored
    assert reduction("mean", stored=stored).name == "mean"


# --- a user's own functions -------------------------------------------------------------------------------------------


def sparsity(output):
    return (output == 0).flatten(1).float().mean(dim=1)


class Above:
    def __init__(self, threshold):
        self.threshold = threshold

    def __call__(self, output):
        return (output > self.threshold).flatten(1).sum(dim=1)

    def method(self, output):
        return self(output)


def above(threshold, *, scale=1.0):
    def inner(output):
        return (output > threshold).flatten(1).sum(dim=1) * scale

    return inner


def doubled(factor):
    def inner(output, *, times=factor):
        return output.flatten(1).sum(dim=1) * times

    return inner


def test_a_function_of_ones_own_replaces_the_features():
    output = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]])
    assert kept(sparsity, output).tolist() == [0.75, 0.25]
    assert kept(lambda values: values.numpy().reshape(2, -1).max(1).astype("f8"), output).tolist() == [1.0, 1.0]
    assert kept(Above(0), output).tolist() == [1, 3]
    assert kept(lambda values: values.numpy()[:, 0, ::-1], output).tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert kept(lambda values: np.broadcast_to(np.float32(3), len(values)), output).tolist() == [3.0, 3.0]
    layout = reduction(lambda values: values.mean(dim=1)).layout("here", (4, 6, 5))
    assert layout == Layout(("axis0", "axis1"), (6, 5))


def test_a_function_is_known_by_name_and_content():
    name = reduction(sparsity).name
    assert name == reduction(sparsity).name
    assert name.startswith("function(sparsity, ")
    assert len(name) == len("function(sparsity, )") + 12
    threshold = functools.partial(torch.topk, k=1)
    pairs = [
        (above(1), above(2)),
        (above(1), above(1, scale=2.0)),
        (doubled(1), doubled(2)),
        (Above(1), Above(2)),
        (Above(1).method, Above(2).method),
        (threshold, functools.partial(torch.topk, k=2)),
        (torch.flatten, torch.ravel),
        (above(np.zeros(2)), above(np.ones(2))),
        (above(torch.zeros(2)), above(torch.zeros(3))),
        (above({"a": 1}), above({"a": 2})),
        (above({1, 2}), above({1, 3})),
        (above(None), above("None")),
        (lambda x: x + 1, lambda x: x - 1),
        (nn.Flatten(1), nn.Flatten(2)),
        (nn.Flatten, nn.Unflatten),
    ]
    for one, other in pairs:
        assert reduction(one).name == reduction(one).name
        assert reduction(one).name != reduction(other).name
    assert reduction(above(1)).name == reduction(above(1)).name
    assert reduction(Above(1)).name == reduction(Above(1)).name
    assert reduction(above(object())).name == reduction(above(object())).name


def test_what_refers_to_itself_has_an_identity_too():
    def again(output, n=3):
        return output.sum() if n == 0 else again(output, n - 1)

    def early(output):
        return late(output)

    name = reduction(early).name
    late = Above(1)
    late.me = late
    assert reduction(again).name != name != reduction(late).name


def test_a_changed_function_is_another(tmp_path):
    def named(body, folder):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "mine.py"
        path.write_text(f"def measure(output):\n    return {body}\n")
        spec = importlib.util.spec_from_file_location("mine", path)
        mine = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mine)
        return reduction(mine.measure).name

    first = named("output.sum(dim=1)", "a")
    assert named("output.sum(dim=1)", "b") == first
    assert named("output.mean(dim=1)", "c") != first


def test_functions_without_a_source_are_known_by_their_code():
    space: dict[str, object] = {}
    exec("def f(x): return x.sum(1)\ng = f\ndef f(x): return x.sum(2)", space)
    assert reduction(space["f"]).name != reduction(space["g"]).name
    assert reduction(space["g"]).name == reduction(space["g"]).name


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: None, "reduce must return one entry per image; got NoneType, for layer 'here'. It gets a tensor"),
        (lambda x: [1.0] * len(x), "got list, for layer 'here'"),
        (lambda x: x.sum(), r"got shape \(\) for 2 images, for layer 'here'"),
        (lambda x: x.flatten(), r"got shape \(60,\) for 2 images, for layer 'here'"),
        (lambda x: x.numpy()[:1], r"got shape \(1, 5, 6\) for 2 images, for layer 'here'"),
        (lambda x: x.numpy().astype(str), "got <U32, for layer 'here'"),
        (lambda x: x.to(torch.complex64), "got torch.complex64, for layer 'here'"),
        (lambda x: x.flatten(1) @ x.flatten(1).T, r"leave the same shape of every image; got \(2,\) per image among"),
    ],
)
def test_what_functions_may_not_return(function, message):
    with pytest.raises(ArgumentError, match=message):
        reduction(function).layout("here", (5, 6))


def test_a_function_that_fails_says_for_which_layer():
    def bad(output):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        kept(bad, MAPS)
    assert "for layer 'here'" in caught.value.__notes__[0]


def test_the_trial_with_zeros_is_silent_and_what_images_say_is_not():
    def undefined(output):
        values = output.numpy().reshape(len(output), -1)
        return values.sum(axis=1) / np.abs(values).sum(axis=1)

    assert reduction(undefined).layout("here", (5, 6)).shape == ()
    with pytest.warns(RuntimeWarning, match="invalid value"):
        kept(undefined, torch.zeros(1, 2))


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("median", ArgumentError, "reduce must be one of 'mean', 'max', 'flatten', 'none', 'cls', .*; got 'median'"),
        ("grid", ArgumentError, "reduce must be one of .*'grid:K'.*; got 'grid'. For instance grid:4"),
        ("grid:two", ArgumentError, "got 'grid:two'"),
        ("grid:2:3", ArgumentError, "got 'grid:2:3'"),
        ("grid:0", ArgumentError, "the K of grid:K must be at least 1; got 0"),
        ("project", ArgumentError, "got 'project'"),
        ("project:0.1:x", ArgumentError, "got 'project:0.1:x'"),
        ("project:1", ArgumentError, "the EPS of project:EPS must lie between 0 and 1; got 1.0"),
        ("project:nan", ArgumentError, "the EPS of project:EPS must lie between 0 and 1; got nan"),
        ("project:0.1:-1", ArgumentError, "the SEED of project:EPS:SEED must be at least 0; got -1"),
        ("project:0.1", ArgumentError, "n_images must be given for a projection; got None. Say how many"),
        ("mean:2", ArgumentError, "got 'mean:2'"),
        (3, KindError, "reduce must be text or a function; got 3"),
    ],
)
def test_reductions_that_are_not_there_are_refused_with_advice(spec, error, message):
    with pytest.raises(error, match=message):
        reduction(spec)


@pytest.mark.parametrize("found", ["channel × y × x", "channel", "channel × x"])
def test_the_first_token_is_refused_where_there_are_none(found):
    axes = tuple(found.split(" × "))
    chosen = reduction("cls").knowing({"here": axes})
    message = f"reduce must be used on tokens when it is 'cls'; got {found}, for layer 'here'. Choose layers between"
    with pytest.raises(ArgumentError, match=message):
        chosen.layout("here", (4,) * len(axes))


# --- in the hook ------------------------------------------------------------------------------------------------------


def sharing(output):
    return output.numpy()[:, 1:]


def wrapping(output):
    return torch.from_numpy(output.numpy()[:, 1:])


@pytest.mark.parametrize("spec", ["none", "flatten", "grid:50", lambda x: x, lambda x: x[:, 1:], sharing, wrapping])
def test_what_is_kept_is_never_the_networks_own_memory(spec):
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Identity()

        def forward(self, x):
            out = self.part(x + 0)
            out += 100
            return out

    batch = torch.rand((2, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    chosen = reduction(spec)
    with torch.inference_mode(), captured(InPlace(), {"part": ("part", 1)}, chosen.apply) as run:
        found = run(batch)["part"]
    assert torch.equal(found, chosen.apply("part", batch))


def test_reductions_are_given_the_name_of_the_layer():
    seen = []

    def reduce(layer, output):
        seen.append((layer, tuple(output.shape)))
        return output

    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with torch.inference_mode(), captured(module, {"a": ("0", 1), "b": ("1", 1)}, reduce) as run:
        run(torch.ones(4, 2))
    assert seen == [("a", (4, 3)), ("b", (4, 3))]


@pytest.mark.parametrize(
    ("spec", "dims", "shape"),
    [
        ("mean", ("image", "0:channel"), (5, 4)),
        ("max", ("image", "0:channel"), (5, 4)),
        ("flatten", ("image", "0:unit"), (5, 400)),
        ("none", ("image", "0:channel", "0:y", "0:x"), (5, 4, 10, 10)),
        ("grid:3", ("image", "0:channel", "0:y", "0:x"), (5, 4, 3, 3)),
        ("magnitude", ("image", "0:statistic"), (5, 3)),
        ("project:0.9", ("image", "0:component"), (5, 39)),
        (sparsity, ("image",), (5,)),
    ],
)
def test_dims_are_what_the_reduction_left(small, pictures, spec, dims, shape):
    found = mf.extract(pictures, model=small, layers="0", reduce=spec)
    assert found["0"].dims == dims
    assert found["0"].shape == shape
    assert found["0"].dtype == np.float32
    assert found.attrs["reduction"] == reduction(spec, n_images=5).name


@pytest.mark.parametrize("spec", ["mean", "max", "flatten", "grid:2", "magnitude", "project:0.9:2", sparsity])
def test_every_reduction_follows_from_the_whole_map(small, pictures, spec):
    whole = mf.extract(pictures, model=small, layers="0", reduce="none")["0"].values
    expected = reduction(spec, n_images=5).apply("0", torch.from_numpy(whole.copy())).numpy()
    found = mf.extract(pictures, model=small, layers=["0", "3"], reduce=spec, batch_size=2)["0"].values
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_layer_with_names_along_an_axis_can_be_stored(small, pictures, tmp_path):
    plain = mf.extract(pictures, model=small, layers="0", reduce="magnitude")
    stored = mf.extract(pictures, model=small, layers="0", reduce="magnitude", store=tmp_path / "s.zarr")
    xr.testing.assert_allclose(stored.load().drop_vars("sha256"), plain.drop_vars("sha256"))


# --- axes of real architectures ---------------------------------------------------------------------------------------


def test_the_first_token_of_a_transformer(vit, pictures):
    layer = "encoder.layers.encoder_layer_0"
    whole = mf.extract(pictures, model=vit, layers=layer, reduce="none")[layer]
    first = mf.extract(pictures, model=vit, layers=layer, reduce="cls")[layer]
    assert whole.dims == ("image", f"{layer}:token", f"{layer}:channel")
    assert whole.shape == (5, 17, 12)
    np.testing.assert_array_equal(first.values, whole.values[:, 0])
    with pytest.raises(ArgumentError, match="got channel × y × x, for layer 'conv_proj'"):
        mf.extract(pictures, model=vit, layers=[layer, "conv_proj"], reduce="cls")


def test_swin_puts_channels_last(swin, pictures):
    table = mf.models.layers(swin).set_index("name")
    last = ("y", "x", "channel")
    for layer in ["features.0.2", "features.0", "features.1.0.attn", "features.1.0.mlp.1", "features.1.0", "norm"]:
        assert table.loc[layer, "axes"] == last, layer
    assert table.loc["features.0.0", "axes"] == ("channel", "y", "x")
    assert table.loc["permute", "axes"] == ("channel", "y", "x")
    assert table.loc["features.2", "channels"] == 16
    block = "features.3.0"
    whole = mf.extract(pictures, model=swin, layers=block, reduce="none")[block]
    assert whole.dims == ("image", f"{block}:y", f"{block}:x", f"{block}:channel")
    mean = mf.extract(pictures, model=swin, layers=block, reduce="mean")[block]
    np.testing.assert_allclose(mean.values, whole.values.mean(axis=(1, 2)), atol=1e-6)


def test_what_goes_into_swins_pooling_is_its_mean(swin, pictures):
    """The network averages over space itself; the reduction must find the same numbers one step before."""
    found = mf.extract(pictures, model=swin, layers=["norm", "flatten"])
    np.testing.assert_allclose(found["norm"].values, found["flatten"].values, atol=1e-6)


def test_a_swin_block_has_channels_last_whatever_came_before():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.block = nn.Conv2d(3, 8, 4, 4), SwinTransformerBlock(8, 2, [2, 2], [0, 0])

        def forward(self, x):
            return self.block(self.conv(x).permute(0, 2, 3, 1))

    assert mf.models.layers(wrapped(Turned())).set_index("name").loc["block", "axes"] == ("y", "x", "channel")


def test_convnext_turns_its_maps_round_and_back():
    net = nn.Sequential(nn.Conv2d(3, 8, 4, 4), LayerNorm2d(8), CNBlock(8, 1.0, 0.0))
    table = mf.models.layers(wrapped(net)).set_index("name")
    first, last = ("channel", "y", "x"), ("y", "x", "channel")
    found = {name: table.loc[name, "axes"] for name in table.index}
    turned = {name for name, axes in found.items() if axes == last}
    assert turned == {"2.block.1", "2.block.2", "2.block.3", "2.block.4", "2.block.5"}
    assert {axes for name, axes in found.items() if name not in turned} == {first}


def test_convolutions_along_a_line_have_channels_first():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.Conv1d(4, 5, 3), nn.ReLU())
    table = mf.models.layers(wrapped(net), reduce="mean").set_index("name")
    assert table.loc["2", "axes"] == table.loc["3", "axes"] == ("channel", "x")
    assert table.loc["2", "bytes"] == 20


# --- the table of layers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, [1600, 1600, 1600, 24]),
        ("mean", [16, 16, 1600, 24]),
        ("grid:2", [64, 64, 1600, 24]),
        ("magnitude", [12, 12, 12, 12]),
        ("project:0.9", [156, 156, 156, 24]),
        (sparsity, [4, 4, 4, 4]),
    ],
)
def test_the_table_gives_the_bytes_that_are_kept(small, spec, expected):
    table = mf.models.layers(small, reduce=spec, n_images=5)
    assert table["bytes"].tolist() == expected
    assert table["bytes"].dtype == np.int64


def test_where_a_reduction_does_not_fit_the_bytes_are_missing(vit, small):
    table = mf.models.layers(vit, reduce="cls").set_index("name")
    assert table.loc["encoder.layers.encoder_layer_0", "bytes"] == 48
    assert table["bytes"].isna().sum() == 3
    with pytest.raises(ArgumentError, match="reduce must be used on tokens"):
        mf.models.layers(small, reduce="cls")
    with pytest.raises(ArgumentError, match="n_images must be given for a projection"):
        mf.models.layers(small, reduce="project:0.1")


def test_groups_of_a_transformer(vit, swin):
    assert select(mf.models.layers(vit), "blocks")["name"].tolist() == ["encoder.layers.encoder_layer_0"]
    assert select(mf.models.layers(vit), "head")["name"].tolist() == ["heads.head"]
    assert select(mf.models.layers(swin), "blocks")["name"].tolist() == ["features.1.0", "features.3.0"]
    assert select(mf.models.layers(swin), "head")["name"].tolist() == ["head"]


def test_a_projection_that_draws_otherwise_is_another_reduction(monkeypatch):
    """A store must not be gone on with by a scikit-learn whose matrices differ."""
    stored = reduction("project:0.5", n_images=10).name
    assert reduction("project:0.5", n_images=4, stored=stored).name == stored
    monkeypatch.setattr("memfeat._kept.projection._seed", lambda seed, layer: 1)
    assert reduction("project:0.5", n_images=10, stored=stored).name != stored
