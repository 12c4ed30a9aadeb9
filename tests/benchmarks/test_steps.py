"""Where the time of an extraction goes: its steps, one by one, in one process and in turns."""

import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import extraction
import pytest
import torch

import memfeat as mf
from memfeat._kept import reduction
from memfeat.activations.engine import running
from memfeat.activations.feed import batches
from memfeat.activations.options import resolved
from memfeat.activations.placement import sharing, with_channels_last

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
IMAGES, BATCH, ROUNDS = 32, 8, 9
LAYERS = [*extraction.BLOCKS, *extraction.CONVOLUTIONS]
SOURCES = ["activations", "models", "images"]
WHOLE, TRUNK = "the network, whole", "the network, its trunk"
READ, BESIDE, DECODED = "the trunk, 205 layers averaged", "the same, decoding beside it", "decoding alone"
ONE = "8 photographs into a new store, with all that is done once"


@contextmanager
def timed(seconds):
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)


def test_where_the_time_goes(bench, photographs, tmp_path):
    n = bench.images(IMAGES)
    model, options = mf.models.load("resmem"), resolved({"device": "cpu", "progress": False})
    images = mf.images.read(photographs[:n], verify=False)
    names = list(map(str, images["image"].values))
    groups = [names[start : start + BATCH] for start in range(0, n, BATCH)]
    wanted = {layer: (layer, 1) for layer in LAYERS}
    feed = partial(batches, images, groups, model, size=BATCH, workers=options.workers)
    ready = [batch.values for batch in feed()]
    network = with_channels_last(sharing(model.module))
    with running(model.module, wanted, reduction("mean").apply, options) as run, torch.inference_mode():
        steps = {
            WHOLE: lambda: [network(batch) for batch in ready],
            TRUNK: lambda: [network.features(batch) for batch in ready],
            READ: lambda: [run(batch) for batch in ready],
            BESIDE: lambda: [run(batch.values) for batch in feed()],
            DECODED: lambda: list(feed()),
        }
        seconds = in_turns(steps)
    few, spent = photographs[:BATCH], []
    for turn in range(ROUNDS + 1):
        with timed(spent):
            mf.extract(
                [Path(path) for path in few],
                model=model,
                layers=LAYERS,
                store=tmp_path / f"{turn}.zarr",
                batch_size=BATCH,
                device="cpu",
                progress=False,
            )
    ways = {step: {"facts": per_image(values, seconds[TRUNK], n)} for step, values in seconds.items()}
    once = median(spent[1:]) - BATCH * median(seconds[READ]) / n
    ways[ONE] = {"facts": {"seconds": median(spent[1:]), "seconds_besides_the_network": once}}
    told = {"contenders": ways, "pairs": ROUNDS}
    bench.keep("steps", "Steps of an extraction, ResMem", told, sources=SOURCES, images=n)


def in_turns(steps):
    """Take every step in every round; the first round warms up and does not count."""
    seconds = {step: [] for step in steps}
    for turn in range(ROUNDS + 1):
        for step, do in steps.items() if turn % 2 else reversed(steps.items()):
            with timed(seconds[step]):
                do()
    return {step: values[1:] for step, values in seconds.items()}


def per_image(values, trunk, n):
    ratios = [one / other for one, other in zip(values, trunk, strict=True)]
    return {"milliseconds_per_image": 1000 * median(values) / n, "share_of_the_trunk": median(ratios)}
