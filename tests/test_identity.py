"""What makes numbers what they are: a store is refused when preprocessing, weights or code have changed since."""

import functools
import importlib.util
import json
import logging
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torchvision
from networks import random_pictures, reused
from torch import nn
from torchvision.transforms import Compose, InterpolationMode, Lambda, Resize, ToTensor, v2
from torchvision.transforms.functional import to_tensor

import memfeat as mf
from memfeat._kept.identity import content
from memfeat.errors import StoreError
from memfeat.models import weights
from memfeat.models.preprocessing import RESMEM, SquashAndCrop, described

SIZE = 16


@pytest.fixture(scope="module")
def table():
    return mf.images.read(random_pictures(3))


@pytest.fixture
def load(tmp_path):
    """Make a module of a text, as if a file or a notebook's cell had been edited: the same name each time."""
    made = iter(range(1_000))

    def loaded(text):
        path = tmp_path / str(next(made)) / "mine.py"
        path.parent.mkdir()
        path.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location("mine", path)
        mine = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mine)
        return mine

    return loaded


# --- preprocessing ----------------------------------------------------------------------------------------------------

FUNCTION = """
    from torchvision.transforms.functional import to_tensor

    def prepared(image):
        return to_tensor(image.resize((16, 16))) {change}
"""
OBJECT = """
    from torchvision.transforms.functional import to_tensor

    class Base:
        def small(self, image):
            return to_tensor(image.resize((16, 16))) {change}

    class Prepared(Base):
        def __call__(self, image):
            return self.small(image)

    prepared = Prepared()
"""
COMPOSED = """
    from torchvision.transforms import Compose, Lambda, Resize, ToTensor

    def scaled(values):
        return values {change}

    prepared = Compose([Resize((16, 16)), ToTensor(), Lambda(scaled)])
"""


@pytest.mark.parametrize("text", [FUNCTION, OBJECT, COMPOSED], ids=["function", "object", "composed"])
def test_a_preprocessing_whose_code_was_edited_is_refused_by_the_store(text, load, table, tmp_path):
    module = reused().module
    asked = {"layers": "fc", "store": tmp_path / "s.zarr"}

    def model(change):
        return mf.models.wrap(module, load(text.format(change=change)).prepared, name="mine")

    mf.extract(table, model=model(""), **asked)
    again = mf.extract(table, model=model(""), **asked)  # loaded anew, at another place in memory
    assert again.sizes["image"] == 3
    with pytest.raises(StoreError, match="store must hold what is asked for; got preprocessing: stored"):
        mf.extract(table, model=model("* 2"), **asked)


def test_a_preprocessing_is_the_same_in_another_process():
    code = """
        import sys
        sys.path.insert(0, "tests")
        from test_identity import PREPARED
        from memfeat.models.preprocessing import described
        print("\\n".join(map(described, PREPARED)))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [described(each) for each in PREPARED]


class Halved:
    """Has the default repr, with an address in it."""

    log = logging.getLogger("halved")

    def __init__(self, times=1):
        self.times, self.library = times, np
        self.log = logging.getLogger("halved")

    def __call__(self, image):
        return to_tensor(image.resize((SIZE, SIZE))) / 2**self.times


@dataclass
class Sized:
    size: int

    def __call__(self, image):
        return to_tensor(image.resize((self.size, self.size)))


def scaled(values):
    return values / 2


def sized(image, size):
    return to_tensor(image.resize((size, size)))


PREPARED = [
    Halved(), Sized(3), functools.partial(sized, size=4), scaled, to_tensor, Compose([Resize(4), Lambda(scaled)]),
    v2.Compose([v2.Resize(8), v2.ToDtype(torch.float32, scale=True)]),
    torchvision.models.ResNet18_Weights.DEFAULT.transforms(),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Halved(), Halved(2)),
        (Sized(3), Sized(4)),
        (functools.partial(sized, size=4), functools.partial(sized, size=5)),
        (Compose([Lambda(scaled)]), Compose([Lambda(to_tensor)])),
        (Resize(4), Resize(5)),
        (Resize(4), v2.Resize(4)),
        (Resize(4), Resize(4, interpolation=InterpolationMode.NEAREST)),
        (Compose([Resize(4), ToTensor()]), Compose([ToTensor(), Resize(4)])),
        (
            torchvision.models.ResNet18_Weights.DEFAULT.transforms(),
            torchvision.models.ResNet18_Weights.DEFAULT.transforms(antialias=False),
        ),
        (Halved(1).__call__, Halved(2).__call__),
        (lambda image: to_tensor(image), lambda image: to_tensor(image) / 2),
    ],
)
def test_preprocessings_that_differ_are_told_apart(one, other):
    assert described(one) == described(one)
    assert described(one) != described(other)
    assert " at 0x" not in described(one) + described(other)


def test_the_network_within_a_preprocessing_is_known_by_its_weights():
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
    assert content(first) != content(second)
    second.load_state_dict(first.state_dict())
    assert content(first.train()) == content(second.eval())


def test_what_says_everything_of_itself_keeps_its_short_name():
    assert described(RESMEM) == "SquashAndCrop(resize=256, crop=227)"


def test_a_class_of_a_notebook_has_no_source_and_is_known_by_its_methods():
    def made(scale, factor):
        space = {"__name__": "__main__"}
        exec(f"class Cell:\n    factor = {factor}\n    def __call__(self, x):\n        return x * {scale}", space)
        return space["Cell"]()

    assert content(made(1, [1])) == content(made(1, [1]))
    assert len({content(made(*each)) for each in [(1, [1]), (2, [1]), (1, [2])]}) == 3


# --- weights and code -------------------------------------------------------------------------------------------------


def test_weights_that_were_trained_further_are_refused_and_told(table, tmp_path):
    model = reused()
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr"}
    before = mf.extract(table, **asked)
    with torch.no_grad():
        model.module.fc.weight.data.mul_(2)
    with pytest.raises(StoreError, match=r"weights_sha256: stored '[0-9a-f]{64}', asked for '[0-9a-f]{64}'"):
        mf.extract(table, **asked)
    after = mf.extract(table, model=model, layers="fc")
    assert before.attrs["weights_sha256"] == model.provenance["weights_sha256"]
    assert after.attrs["weights_sha256"] == weights.digest(model.module)
    fresh = mf.models.wrap(model.module, model.transform, name="reused")
    new = tmp_path / "new.zarr"
    mf.extract(table, model=model, layers="fc", store=new)
    assert mf.extract(table, model=fresh, layers="fc", store=new).sizes["image"] == 3  # whoever wrapped it, and when


def test_a_network_that_was_loaded_says_that_its_weights_have_changed(table):
    model = mf.models.load("resnet18", weights="random", rng=0)
    other = mf.models.load("resnet18", weights="random", rng=1)
    before = model.origin()
    assert before == dict(model.provenance)
    model.module.load_state_dict(other.module.state_dict())
    after = model.origin()
    assert after["weights_sha256"] == other.provenance["weights_sha256"]
    assert after["weights_source"] == "random, changed since they were loaded"


def test_the_released_network_is_known_by_its_file_for_as_long_as_it_is_unchanged(resmem):
    assert resmem.origin() == dict(resmem.provenance)
    assert resmem.provenance["weights_sha256"] == weights.RELEASED_SHA256
    bias = resmem.module.fc12.bias
    before = bias.detach().clone()
    with torch.no_grad():
        bias.add_(1)
        found = resmem.origin()
        bias.copy_(before)  # others use it too
    assert found["weights_sha256"] not in (weights.RELEASED_SHA256, weights.RELEASED_TENSORS_SHA256)
    assert found["weights_source"] == "resmem 1.1.6, model.pt, changed since they were loaded"


NETWORK = """
    import torch
    from torch import nn
    from torch.nn import functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc, self.act, self.strength = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), functional.relu, 1.0
            self.seen = 0

        def forward(self, x):
            self.seen += len(x)
            return self.fc(functional.{function}(self.conv(x)).mean(dim=(2, 3)))

    def made():
        torch.manual_seed(0)
        return Net().eval()
"""


def given_another_method(net):
    type(net).forward = lambda self, x: self.fc(self.conv(x).amax(dim=(2, 3)))


CHANGES = {
    "another function": lambda net: setattr(net, "act", nn.functional.gelu),
    "another number": lambda net: setattr(net, "strength", 2.0),
    "another method": given_another_method,
}


def test_an_edited_forward_is_refused_by_the_store(load, table, tmp_path):
    asked = {"layers": "fc", "store": tmp_path / "s.zarr"}

    def model(function):
        net = load(NETWORK.format(function=function)).made()
        return mf.models.wrap(net, SquashAndCrop(20, SIZE), name="net")

    first = model("relu")
    mf.extract(table, model=first, **asked)
    assert mf.extract(table, model=first, **asked).sizes["image"] == 3  # it has counted images since
    assert mf.extract(table, model=model("relu"), **asked).sizes["image"] == 3
    with pytest.raises(StoreError, match="architecture: stored"):
        mf.extract(table, model=model("gelu"), **asked)


@pytest.mark.parametrize("change", CHANGES)
def test_code_and_settings_that_were_replaced_in_place_are_refused(change, load, table, tmp_path):
    net = load(NETWORK.format(function="relu")).made()
    asked = {"model": mf.models.wrap(net, SquashAndCrop(20, SIZE), name="net"), "layers": "fc"}
    mf.extract(table, store=tmp_path / "s.zarr", **asked)
    CHANGES[change](net)
    with pytest.raises(StoreError, match="architecture: stored"):
        mf.extract(table, store=tmp_path / "s.zarr", **asked)


def test_the_function_within_torchs_own_modules_counts_too(table, tmp_path):
    def model(activation):
        torch.manual_seed(0)
        encoder = nn.TransformerEncoderLayer(SIZE, 2, 8, activation=activation, batch_first=True)
        return mf.models.wrap(nn.Sequential(nn.Flatten(1, 2), encoder).eval(), SquashAndCrop(20, SIZE), name="net")

    asked = {"layers": "1", "store": tmp_path / "s.zarr"}
    mf.extract(table, model=model("relu"), **asked)
    with pytest.raises(StoreError, match="architecture: stored"):
        mf.extract(table, model=model("gelu"), **asked)


# --- what else is told ------------------------------------------------------------------------------------------------


def test_seed_and_batch_statistics_belong_to_the_features(table, frozen):
    random = mf.extract(table, model=mf.models.load("squeezenet1_1", weights="random", rng=7), layers="classifier.1")
    assert random.attrs["seed"] == "7"
    some = mf.extract(table.isel(image=[0]), model=frozen, layers="features.fc")
    assert json.loads(some.attrs["batchnorm"]) == dict(frozen.provenance["batchnorm"])


def test_the_log_says_under_which_versions_and_with_how_many_threads_a_run_began(table, tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        mf.extract(table, model=reused(), layers="fc", store=tmp_path / "s.zarr", device="cpu")
    finally:
        torch.set_num_threads(before)
    begin = (tmp_path / "s.zarr.log").read_text().splitlines()[0].split()
    facts = dict(fact.split("=", 1) for fact in begin[2:])
    assert {"images": "3", "layers": "1", "device": "cpu", "threads": "1"}.items() <= facts.items()
    assert facts["torch"] == torch.__version__
    assert facts["torchvision"] == torchvision.__version__
    assert {"Pillow", "numpy", "memfeat", "machine"} <= facts.keys()
