"""Which ways to read a layer give what the layer put out, though the network rewrites it in place."""

import inplace
import peers as others
import pytest
from harness import Case, Contender

pytestmark = pytest.mark.timeout(0)


def test_in_place_operations(bench, thingsvision):
    folder, reason = thingsvision
    bench.peers |= others.versions(folder)
    contenders = {
        "plain hooks, .cpu().data.numpy()": Contender("inplace:naive_hooks"),
        "torchextractor": Contender("inplace:torchextractor", needs=("torchextractor",)),
        "torchvision create_feature_extractor": Contender("inplace:torchvision"),
        "torchlens": Contender("inplace:torchlens", needs=("torchlens",)),
        "thingsvision": Contender("inplace:thingsvision", path=(folder,), not_run=reason),
        "memfeat": Contender("inplace:memfeat", peer=False),
    }
    title = "ResNet-50: share of units that are not what the module put out"
    case = Case("in_place", title, contenders, work={"seed": 20261123}, n_pairs=1, facts_only=True)
    packages = ("torchextractor", "torchlens")
    figures = bench.run(case, sources=["activations", "models"], packages=packages)
    assert figures["contenders"]["memfeat"]["facts"] == dict.fromkeys(inplace.LAYERS, 0.0)
    assert figures["contenders"]["plain hooks, .cpu().data.numpy()"]["facts"]["layer1.0.bn3"] > 0.9
