"""The batch-norm statistics that memfeat ships, made again from the photographs they came from."""

from pathlib import Path

import pytest
import torch

from memfeat.models import batchnorm

pytestmark = pytest.mark.timeout(0)


@pytest.mark.data
def test_the_shipped_statistics_can_be_made_again(data_folder: Path) -> None:
    stored, how = batchnorm.released_statistics()
    found, facts = batchnorm.remade(data_folder / "imagenet_samples" / "bn_estimation")
    assert found.keys() == stored.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, stored[name], atol=1e-4, rtol=1e-3)
    assert {key: value for key, value in facts.items() if key != "torch"} == {
        key: value for key, value in how.items() if key != "torch"
    }
