"""One small result of every kind that memfeat's public functions give, for the tests of what can be said of them."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from PIL import Image
from torch import nn

import memfeat as mf
from memfeat import gram
from memfeat.models.preprocessing import SquashAndCrop

N = 12
FREE: dict[str, Any] = {"n_permutations": 19, "n_bootstraps": 20, "rng": 7}


def names(n: int = N) -> list[str]:
    return [f"{k:02}.png" for k in range(n)]


@functools.cache
def network() -> mf.models.Model:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 1), nn.Sigmoid())
    return mf.models.wrap(module.eval(), SquashAndCrop(10, 8), name="small")


@functools.cache
def images() -> xr.Dataset:
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 256, (24, 30, 3), dtype=np.uint8) for name in names()}
    return mf.images.read(pictures, progress=False)


def layers(seed: int = 1) -> xr.Dataset:
    """Features of two layers as a CSV would hold them."""
    rng = np.random.default_rng(seed)
    tables = [mf.features.from_array(rng.normal(size=(N, 5)), names(), layer=layer) for layer in ("conv", "fc")]
    return xr.merge(tables, combine_attrs="override")


def scores(seed: int = 2) -> xr.DataArray:
    values = np.random.default_rng(seed).uniform(0.4, 0.9, N)
    return xr.DataArray(values, {"image": names()}, dims="image", name="hit_rate")


def trials(*, lag: bool = False, confidence: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        {
            "participant": f"p{p}",
            "image": name,
            "truth": truth,
            "response": rng.random() < (0.7 if truth == "old" else 0.2),
        }
        for p in range(8)
        for name in names()
        for truth in ("old", "new")
    ]
    table = pd.DataFrame(rows)
    table["response"] = np.where(table["response"], "old", "new")
    if lag:
        table["lag"] = np.where(table["truth"] == "old", rng.integers(1, 90, len(table)), np.nan)
    if confidence:
        table["confidence"] = rng.integers(1, 7, len(table))
    return table


def rdms(**options: Any) -> xr.Dataset:
    return mf.rdm.compute(layers(), progress=False, **options)


def model_rdm(seed: int = 2) -> xr.Dataset:
    return mf.rdm.from_scores(scores(seed))


def models() -> xr.Dataset:
    return xr.concat(
        [model_rdm(2), mf.rdm.from_scores(scores(2), kind="nearest").assign_coords(layer=["nearest"])],
        "layer",
        combine_attrs="override",
        data_vars="minimal",
        coords="minimal",
        compat="override",
    )


def predictions(seed: int = 5) -> xr.DataArray:
    values = np.clip(scores() + np.random.default_rng(seed).normal(0, 0.1, N), 0, 1)
    return values.rename("memorability")


def in_time() -> xr.Dataset:
    found = participants()["rdm"].values
    series = xr.DataArray(np.stack([found[:, [0]]] * 3, -1), dims=("participant", "layer", "pair", "time"))
    ref = rdms().isel(layer=[0])
    names = {"participant": [f"s{k}" for k in range(6)], "layer": ["brain"], "time": [0.1, 0.2, 0.3]}
    ref = ref.drop_vars(["rdm", "layer"]).assign(rdm=series.assign_coords(names))
    return mf.rsa.compare(rdms(), ref, resample="rdms", n_permutations=19, n_bootstraps=0, rng=7)


def compared() -> xr.Dataset:
    return mf.rsa.compare(rdms(), model_rdm(), **FREE)


def decoded() -> xr.Dataset:
    return mf.regression.decode(layers(), scores(), n_permutations=19, n_bootstraps=20, rng=7)


def split_halves() -> xr.Dataset:
    return mf.scores.split_half(trials(), truth="truth", response="response", n_splits=20, n_bootstraps=20, rng=7)


def half_table() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame({"image": names(), "half1_1": rng.random(N), "half2_1": rng.random(N)})


def participants() -> xr.Dataset:
    each = np.stack([mf.rdm.to_condensed(mf.rdm.compute(layers(seed), progress=False)) for seed in range(6)])
    people = xr.DataArray(each, dims=("participant", "layer", "pair"))
    found = rdms()
    people = people.assign_coords(participant=[f"s{k}" for k in range(6)], layer=found["layer"].values)
    return found.assign(rdm=people)


def pool() -> xr.Dataset:
    rng = np.random.default_rng(4)
    many = names(40)
    data = {name: ("image", rng.uniform(0.4, 0.9, 40)) for name in ("memorability", "luminance")}
    return xr.Dataset(data, {"image": many})


def matched() -> xr.Dataset:
    return mf.sets.match(pool(), 5, covariates=["luminance"], rng=7)


def published(read: Callable[..., Any], name: str, *which: str) -> Any:
    """Read a published set from a small folder in its layout."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "images").mkdir()
        for one in names():
            Image.new("RGB", (8, 6)).save(folder / "images" / one)
        pd.DataFrame({"image": names(), "hit_rate": 0.5, "half1_split01": 0.4, "half2_split01": 0.6}).to_csv(
            folder / "scores.csv", index=False
        )
        answers = [(name, "attic", person, 4, 1, 1) for name in names() for person in "abc"]
        trials = pd.DataFrame(answers, columns=["file", "category", "participant", "enc", "rec", "rec2"])
        trials.to_csv(folder / "lab_trials_630_targets.csv", index=False)
        columns = ["Memorability score", "Distinctiveness", "Reconstruction error"]
        targets = {"Image type": "Target", "Image index": range(1, N + 1), **dict.fromkeys(columns, 0.5)}
        for layer in range(1, 8):
            pd.DataFrame(targets).to_csv(folder / f"Isola_layer_{layer}_dist_rec.csv", index=False)
        return read(name, *which, folder=folder)


def frames() -> xr.DataArray:
    """Give predictions for 4 clips of 3 frames."""
    each = [f"{clip}.mp4#{second:05}.000" for clip in "abcd" for second in range(3)]
    return predictions().assign_coords(image=each).assign_attrs(model="mine", variant="user", weights_sha256="ab" * 32)


#: function -> a call of it
MADE: dict[str, Callable[[], Any]] = {
    "images.read": images,
    "images.transform": lambda: mf.images.transform(images(), "greyscale", progress=False),
    "datasets.load": lambda: published(mf.datasets.load, "lnsim"),
    "datasets.load scores": lambda: published(mf.datasets.load, "reconmem_isola"),
    "datasets.table": lambda: published(mf.datasets.table, "lnsim", "halves"),
    "datasets.table layers": lambda: published(mf.datasets.table, "reconmem_isola", "layers"),
    "datasets.trials": lambda: published(mf.datasets.trials, "figrim"),
    "images.by_clip": lambda: mf.images.by_clip(frames()),
    "images.thumbnails": lambda: mf.images.thumbnails(images(), size=8),
    "lowlevel.statistics": lambda: mf.lowlevel.statistics(images(), which=["luminance", "entropy"], progress=False),
    "lowlevel.gist": lambda: mf.lowlevel.gist(images(), progress=False),
    "lowlevel.perceptual_hash": lambda: mf.lowlevel.perceptual_hash(images(), progress=False),
    "predict": lambda: mf.predict(images(), model=network(), device="cpu", progress=False),
    "extract": lambda: mf.extract(images(), model=network(), layers=["0", "3"], device="cpu", progress=False),
    "features.from_array": layers,
    "features.from_table": lambda: mf.features.from_table(pd.DataFrame({"image": names(), "a": range(N)})),
    "gram.compute": lambda: gram.compute(layers()),
    "rdm.compute": rdms,
    "rdm.from_scores": model_rdm,
    "rdm.from_categories": lambda: mf.rdm.from_categories(
        xr.DataArray(["a", "b"] * 6, {"image": names()}, dims="image", name="category")
    ),
    "rdm.from_column": lambda: mf.rdm.from_column(scores()),
    "rdm.from_coordinates": lambda: mf.rdm.from_coordinates(layers()["fc"]),
    "rdm.from_square": lambda: mf.rdm.from_square(1 - np.eye(N), names()),
    "rdm.from_condensed": lambda: mf.rdm.from_condensed(np.arange(66.0), names()),
    "rdm.from_frame": lambda: mf.rdm.from_frame(mf.rdm.to_frame(model_rdm()), value="rdm"),
    "rdm.select": lambda: mf.rdm.select(rdms(), names()[:6]),
    "rdm.square": lambda: mf.rdm.square(rdms()),
    "rdm.from_similarity": lambda: mf.rdm.from_similarity(np.eye(N), names()),
    "rsa.compare": compared,
    "rsa.compare participants": lambda: mf.rsa.compare(participants(), model_rdm(), **FREE),
    "rsa.compare of participants": lambda: mf.rsa.compare(participants(), model_rdm(), resample="rdms", **FREE),
    "rsa.compare of both": lambda: mf.rsa.compare(participants(), model_rdm(), resample="both", **FREE),
    "rsa.contrast several": lambda: mf.rsa.contrast(rdms(), models(), between="models", n_bootstraps=20, rng=7),
    "rsa.contrast of participants": lambda: mf.rsa.contrast(
        participants(), model_rdm(), resample="rdms", n_bootstraps=20, rng=7
    ),
    "rsa.contrast of both": lambda: mf.rsa.contrast(
        participants(), model_rdm(), resample="both", n_bootstraps=20, rng=7
    ),
    "rsa.partial of participants": lambda: mf.rsa.partial(
        participants(), model_rdm(), mf.rdm.from_scores(scores(3)), resample="rdms", rng=7
    ),
    "rsa.contrast": lambda: mf.rsa.contrast(rdms(), model_rdm(), n_bootstraps=20, rng=7),
    "rsa.partial": lambda: mf.rsa.partial(rdms(), model_rdm(), mf.rdm.from_scores(scores(3)), n_bootstraps=20, rng=7),
    "rsa.adjusted": lambda: mf.rsa.adjusted(
        layers(), scores(), scores(4), rdm=mf.rdm.compute, model=mf.rdm.from_scores, rng=7, n_permutations=19
    ),
    "rsa.partition": lambda: mf.rsa.partition(models(), rdms().isel(layer=[0])),
    "rsa.weighted": lambda: mf.rsa.weighted(models(), rdms().isel(layer=[0]), rng=7, folds=3),
    "rsa.frame": lambda: mf.rsa.frame(layers()),
    "rsa.split": lambda: mf.rsa.split(layers()),
    "rsa.cluster": lambda: mf.rsa.cluster(in_time(), n_permutations=19, rng=7),
    "regression.decode": decoded,
    "regression.contrast": lambda: mf.regression.contrast(decoded(), scores(), n_bootstraps=20, rng=7),
    "regression.partition": lambda: mf.regression.partition(
        {"a": layers(), "b": layers(9)}, scores(), n_bootstraps=20, rng=7
    ),
    "regression.unitwise": lambda: mf.regression.unitwise(layers(), scores(), n_permutations=19, rng=7),
    "regression.patterns": lambda: mf.regression.patterns(layers(), scores()),
    "reduction.embed": lambda: mf.reduction.embed(layers()["fc"], "pca", n_components=2),
    "reduction.embed tsne": lambda: mf.reduction.embed(layers()["fc"], "tsne", n_components=2, perplexity=3),
    "reduction.dimensionality": lambda: mf.reduction.dimensionality(layers()),
    "reduction.cka": lambda: mf.reduction.cka(layers(), layers(9)),
    "reduction.svcca": lambda: mf.reduction.svcca(layers(), layers(9), n_components=2),
    "reduction.procrustes": lambda: mf.reduction.procrustes(
        mf.reduction.embed(layers()["fc"]), mf.reduction.embed(layers(9)["fc"])
    ),
    "reduction.project": lambda: mf.reduction.project(mf.reduction.embed(layers()["fc"]), layers(9)["fc"]),
    "reduction.relate": lambda: mf.reduction.relate(mf.reduction.embed(layers()["fc"]), scores(), **FREE),
    "reduction.scree": lambda: mf.reduction.scree(layers()["fc"], n_draws=20, rng=7),
    "measures.magnitude": lambda: mf.measures.magnitude(layers()),
    "measures.sparseness": lambda: mf.measures.sparseness(np.abs(layers())),
    "measures.typicality": lambda: mf.measures.typicality(layers()),
    "measures.distinctiveness": lambda: mf.measures.distinctiveness(layers()),
    "measures.distinctiveness mean": lambda: mf.measures.distinctiveness(layers(), kind="mean"),
    "measures.density": lambda: mf.measures.density(layers()),
    "measures.eccentricity": lambda: mf.measures.eccentricity(layers()),
    "measures.contextual_distinctiveness": lambda: mf.measures.contextual_distinctiveness(layers(), n_components=2),
    "measures.prototype_distance": lambda: mf.measures.prototype_distance(layers(), pd.Series(["a", "b"] * 6, names())),
    "measures.reconstruction_error": lambda: mf.measures.reconstruction_error(layers(), n_components=2, folds=3, rng=7),
    "measures.learn_dictionary": lambda: mf.measures.learn_dictionary(
        layers(), rng=7, n_atoms=4, n_iterations=5, n_units=5, batch_size=6
    ),
    "measures.sparse_coding": lambda: mf.measures.sparse_coding(
        layers(), folds=3, rng=7, n_atoms=4, n_iterations=5, n_units=5, batch_size=6
    ),
    "measures.profile": lambda: mf.measures.profile(mf.measures.magnitude(layers()), scores(), **FREE),
    "measures.contrast": lambda: mf.measures.contrast(
        mf.measures.magnitude(layers()), scores(), n_bootstraps=20, rng=7
    ),
    "scores.from_trials": lambda: mf.scores.from_trials(trials(), truth="truth", response="response"),
    "scores.split_half": split_halves,
    "scores.halves": lambda: mf.scores.halves(trials(), truth="truth", response="response", n_splits=20, rng=7),
    "scores.reliability": lambda: mf.scores.reliability(
        mf.scores.halves(trials(), truth="truth", response="response", n_splits=20, rng=7)["hit_rate"],
        n_bootstraps=20,
        rng=7,
    ),
    "scores.resplit": lambda: mf.scores.resplit(
        mf.scores.from_trials(trials(), truth="truth", response="response").to_dataframe().reset_index(),
        n_splits=20,
        rng=7,
    ),
    "scores.read_halves": lambda: mf.scores.read_halves(half_table()),
    "scores.by_raters": lambda: mf.scores.by_raters(split_halves().sel(measure=["hit_rate"]), n_raters=8),
    "scores.exclude": lambda: mf.scores.exclude(
        trials(), rules={"false_alarm_rate": 0.7}, truth="truth", response="response"
    )[1],
    "scores.lag_corrected": lambda: mf.scores.lag_corrected(trials(lag=True), truth="truth", response="response"),
    "scores.mixed_model": lambda: mf.scores.mixed_model(trials(), predictions(), truth="truth", response="response"),
    "scores.roc": lambda: mf.scores.roc(trials(confidence=True), truth="truth", response="response"),
    "evaluation.evaluate": lambda: mf.evaluation.evaluate(predictions(), scores(), n_bootstraps=20, rng=7),
    "evaluation.compare": lambda: mf.evaluation.compare(
        {"a": predictions(), "b": predictions(6)}, scores(), n_bootstraps=20, rng=7
    ),
    "evaluation.by_category": lambda: mf.evaluation.by_category(
        predictions(), scores(), pd.Series(["a", "b"] * 6, names()), n_bootstraps=20, rng=7
    ),
    "evaluation.calibration_curve": lambda: mf.evaluation.calibration_curve(
        predictions(), scores(), n_bins=3, n_bootstraps=20, rng=7
    ),
    "evaluation.error_by_cutoff": lambda: mf.evaluation.error_by_cutoff(
        predictions(), scores(), n_bootstraps=20, rng=7
    ),
    "evaluation.score_distributions": lambda: mf.evaluation.score_distributions(predictions(), scores()),
    "evaluation.training_overlap": lambda: mf.evaluation.training_overlap(images(), trained_on=names()[:3]),
    "prediction.recalibrate": lambda: mf.prediction.recalibrate(predictions(), scores(), n_folds=3, rng=7),
    "drift.compare": lambda: mf.drift.compare(layers(), layers(9), scores(), n_bootstraps=20, rng=7, progress=False),
    "drift.units": lambda: mf.drift.units(layers(), layers(9)),
    "sets.compare": lambda: mf.sets.compare(scores()[:6], scores()[6:], names=["old", "new"], **FREE),
    "sets.compare_features": lambda: mf.sets.compare_features(
        layers(), pd.Series(["a", "b"] * 6, names()), statistics=["mmd"], n_permutations=19, rng=7, progress=False
    ),
    "sets.near_duplicates": lambda: mf.sets.near_duplicates(images(), progress=False),
    "sets.match": matched,
    "sets.split": lambda: mf.sets.split(pool(), 2, rng=7),
    "sets.balance": lambda: mf.sets.balance(matched()),
    "sets.sequence": lambda: mf.sets.sequence(names()[:4], names()[4:], lags=[2, 3], rng=7),
    "training.fit_head": lambda: mf.training.fit_head(
        images(), scores(), model=network(), layers=["0"], rng=7, validation=4, progress=False
    ),
    "screening.check": lambda: mf.screening.check(images(), progress=False),
    "attribution.crops": lambda: mf.attribution.crops(
        mf.attribution.top_images(
            mf.extract(images(), model=network(), layers=["0"], reduce="none", device="cpu", progress=False),
            [0, 1],
            k=2,
        ),
        images(),
        model=network(),
    ),
    "rsa.unframe": lambda: mf.rsa.unframe(mf.rdm.compute(mf.rsa.frame(layers()), metric="sqeuclidean", progress=False)),
    "scores.rates": lambda: mf.scores.rates(
        mf.scores.from_trials(trials(), truth="truth", response="response").to_dataframe().reset_index()
    ),
    "prediction.rescale": lambda: mf.prediction.rescale(
        predictions(9), mf.prediction.recalibrate(predictions(), scores(), n_folds=3, rng=7)
    ),
    "attribution.attribute": lambda: mf.attribution.attribute(
        images().isel(image=slice(2)), model=network(), device="cpu", progress=False
    ),
    "attribution.maximise": lambda: mf.attribution.maximise(
        network(), rng=7, steps=2, size=8, device="cpu", progress=False
    ),
    "attribution.top_images": lambda: mf.attribution.top_images(layers(), [0, 1], layer="fc", k=2),
    "attribution.receptive_field": lambda: mf.attribution.receptive_field(network(), "0"),
}
