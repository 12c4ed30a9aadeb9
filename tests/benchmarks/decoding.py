"""Ways to predict scores from features, and to reduce features, of memfeat and its peers; harness.py says their form.

Every way has done it once with few images before the clock starts, and all predict from the same features, in the same
folds, with penalties from the same grid.
"""

from pathlib import Path

import dissimilarities
import numpy as np

FIRST = 100
N_FOLDS, N_DIRECTIONS = 5, 100
#: What memfeat tries, in multiples of the mean squared distance of the training images from their mean.
PENALTIES = np.logspace(6, -6, 13)


def features(n, p):
    """Features that differ along a hundred directions, less and less, and by noise; float32, made once."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n, p), dtype=np.float32)
    directions = rng.standard_normal((N_DIRECTIONS, p), dtype=np.float32)
    places = (rng.standard_normal((n, N_DIRECTIONS)) * np.linspace(3, 0.1, N_DIRECTIONS)).astype(np.float32)
    for start in range(0, n, 100):
        values[start : start + 100] += places[start : start + 100] @ directions
    return values


def scores(values):
    """Scores that a part of the features has to do with."""
    carried = values[:, :: max(1, values.shape[1] // 50)].sum(axis=1, dtype=np.float64)
    return carried + carried.std() * np.random.default_rng(1).standard_normal(len(values))


def folds(n):
    return np.random.default_rng(2).permutation(np.arange(n) % N_FOLDS)


def rig(work):
    """Features, scores and folds."""
    values = features(work["n"], work["p"])
    return values, scores(values), folds(work["n"])


def per_image(values, name):
    import xarray as xr

    names = [f"image{k:05}" for k in range(len(values))]
    return xr.DataArray(values, dims="image", coords={"image": names}, name=name)


def grid(values, scale="none"):
    """Penalties for some training images: for units of variance 1 the mean squared distance is their number."""
    if scale == "unit":
        return PENALTIES * values.shape[1]
    return PENALTIES * sum(block.var(axis=0, dtype=np.float64).sum() for block in np.array_split(values, 32, axis=1))


def compared(predicted, fold):
    """Name predictions, so that those who predict only the first fold are compared in that."""
    first = {"the first fold": predicted[fold == 0]}
    return first if np.isnan(predicted).any() else first | {"all": predicted}


# --- ridge regression -------------------------------------------------------------------------------------------------


def memfeat(work, output):
    from memfeat import regression

    values, y, fold = rig(work)
    layer, y, fold = dissimilarities.labelled(values), per_image(y, "score"), per_image(fold, "fold")
    asked = {"scale": work.get("scale", "none"), "n_bootstraps": 0}
    regression.decode(layer[:FIRST, : 2 * FIRST], y[:FIRST], folds=fold[:FIRST], n_permutations=2, **asked)
    yield
    found = regression.decode(layer, y, folds=fold, n_permutations=work.get("permutations", 0), **asked)
    yield
    told = {"estimate": round(float(found["estimate"].item()), 3)}
    if "permutations" in work:
        told["p"] = float(found["p"].item())
    return compared(found["prediction"].values[0], fold.values), told


def write(store: Path, n: int, p: int) -> None:
    """Write the same features as an extraction would."""
    dissimilarities.write(store, n, p)
    import zarr

    zarr.open_group(store, mode="a")["layer"][:] = features(n, p)


def memfeat_on_disk(work, output):
    from memfeat import regression

    layer = dissimilarities.opened(work)["layer"]
    fold, y = per_image(folds(work["n"]), "fold"), per_image(np.load(work["scores"]), "score")
    asked = {"scale": work.get("scale", "none"), "n_permutations": 0, "n_bootstraps": 0}
    few = dissimilarities.labelled(np.random.default_rng(0).normal(size=(len(y[:FIRST]), 2 * FIRST)))
    regression.decode(few, y[:FIRST], folds=fold[:FIRST], **asked)
    dissimilarities.from_disk(Path(work["store"]))
    yield
    found = regression.decode(layer, y, folds=fold, **asked)
    yield
    return compared(found["prediction"].values[0], fold.values), {}


def sklearn_once(work, output):
    """Fit all images once, and predict nothing."""
    from sklearn.linear_model import RidgeCV

    values, y, _ = rig(work)
    penalties = grid(values)
    RidgeCV(penalties).fit(values[:FIRST], y[:FIRST])
    yield
    model = RidgeCV(penalties).fit(values, y)
    yield
    return {}, {"penalty": f"{model.alpha_ / penalties[6]:.0e} of the mean diagonal"}


def sklearn_by_fold(work, output):
    """Do what `cross_val_predict` does, with penalties of each fold's own."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scale = work.get("scale", "none")

    def predicted(inside, y, outside, penalties):
        model = RidgeCV(penalties)
        model = make_pipeline(StandardScaler(), model) if scale == "unit" else model
        return model.fit(inside, y).predict(outside)

    return (yield from _by_fold(work, predicted, scale))


def himalaya(work, output):
    """Centre by hand, since it does not."""
    from himalaya.kernel_ridge import KernelRidgeCV

    def predicted(inside, y, outside, penalties):
        middle, level = inside.mean(axis=0), y.mean()
        model = KernelRidgeCV(alphas=penalties, kernel="linear", cv=N_FOLDS)
        model.fit(inside - middle, (y - level).astype(inside.dtype))
        return model.predict(outside - middle) + level

    return (yield from _by_fold(work, predicted))


def _by_fold(work, predicted, scale="none"):
    values, y, fold = rig(work)
    some = range(work.get("folds", N_FOLDS))
    penalties = [grid(values[fold != k], scale) for k in some]
    predicted(values[:FIRST], y[:FIRST], values[:FIRST], penalties[0])
    found = np.full(len(y), np.nan)
    yield
    for k in some:
        inside, outside = fold != k, fold == k
        found[outside] = predicted(values[inside], y[inside], values[outside], penalties[k])
    yield
    return compared(found, fold), {}


# --- principal components ---------------------------------------------------------------------------------------------


def components(places, ratio):
    """Name what is compared: places up to the sign of a component, and the variance it explains."""
    return {"places": np.abs(places), "explained": np.asarray(ratio)}


def memfeat_embed(work, output):
    from memfeat import reduction

    layer, asked = dissimilarities.labelled(features(work["n"], work["p"])), {"n_components": work["components"]}
    reduction.embed(layer[:FIRST, : 2 * FIRST], work["method"], **asked)
    yield
    found = reduction.embed(layer, work["method"], **asked)
    yield
    return components(found["embedding"].values, found["explained_variance_ratio"].values), {}


def sklearn_pca(work, output):
    from sklearn.decomposition import PCA

    values = features(work["n"], work["p"])
    model = PCA(work["components"], svd_solver=work["solver"], random_state=0)
    model.fit_transform(values[:FIRST, : 2 * FIRST])
    yield
    places = model.fit_transform(values)
    yield
    return components(places, model.explained_variance_ratio_), {}


def xeofs(work, output):
    import xarray as xr
    from xeofs.single import EOF

    values = features(work["n"], work["p"])
    layer = xr.DataArray(values, dims=("image", "unit"), coords={"image": np.arange(len(values))}, name="layer")
    EOF(work["components"], random_state=0).fit(layer[:FIRST, : 2 * FIRST], "image")
    yield
    model = EOF(work["components"], random_state=0).fit(layer, "image")
    places = model.scores(normalized=False)
    yield
    return components(places.transpose("image", "mode").values, model.explained_variance_ratio().values), {}
