# %% [markdown]
# # How much does the answer move when one measures otherwise?
#
# Are images that lie far from others remembered better? Whoever asks must choose: what remembered means (hits, or hits
# less false alarms, or d′), what far means (from the nearest, from all others on average, where few others lie), how
# distances are taken, in which layer, and which correlation. Each choice can be defended, and papers differ in them. So
# here all combinations are computed, and shown together: which choices move the answer, and does its sign survive?
#
# **Data.** None of the sets comes with memfeat; their authors give them out. `MEMFEAT_DATA` must name a folder that
# holds all three:
#
# - `rocks480/`: 480 photographs of rocks of 30 kinds (Nosofsky et al., 2018), 240 of which were shown in the new version
#   of a recognition experiment, with its trials (Meagher and Nosofsky, 2023);
# - `lnsim/`: 800 outdoor photographs with hit rates (Lu et al., 2020);
# - `reconmem_isola/`: memorability (hit rate less false-alarm rate), distance from the nearest photograph and
#   reconstruction error of 2,222 photographs in seven layers (Lin et al., 2024).
#
# Or your own photographs: set `MEMFEAT_PHOTOS` to a folder, and `MEMFEAT_SCORES` and `MEMFEAT_COLUMN` to a CSV with
# measured hit rates and their column. If it has a column `false_alarm_rate`, hits less false alarms are a choice too.
#
# **Time.** Four minutes on one core after the notebooks before this one, which leave their features in the same stores;
# 20 minutes more without them. With `MEMFEAT_IMAGES` set to a number, only about so many photographs are used: enough to
# see that it runs, and for nothing else.
#
# **What was published.** To run every combination of defensible choices is the multiverse analysis of Steegen, Tuerlinckx,
# Gelman and Vanpaemel (2016); to draw them sorted above their choices, and to test all of them jointly, the
# specification curve of Simonsohn, Simmons and Nelson (2020) (both from the abstract). Of distances: a distant nearest
# photograph goes with better memory, most so in late layers (Lin et al., 2024; recomputed here); a large mean distance
# in low layers, and a small one in high layers, goes with better memory (Koch, Akpan and Coutanche, 2020, from the
# abstract, which speaks of discriminability and similarity).
#
# **What this is worth.** Combinations are not independent studies: they share images, and many nearly repeat each
# other. That 60 % of them agree is not evidence of 60 %. Choices of this list are ours; another list gives other shares.
# Not all are equally good: a score that halves of the participants do not agree on cannot correlate with anything. The
# shares of variance describe these combinations and have no intervals. The network's weights were trained to predict
# memorability, on photographs of other sets.

# %%
import os
import sys
import warnings
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import pearsonr, rankdata, spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
photos, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
named = photos is None
if named and not all((data / name).is_dir() for name in ("rocks480", "lnsim", "reconmem_isola")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds rocks480, lnsim and reconmem_isola; memfeat may not ship them. Or "
        "set MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}

# %% [markdown]
# ## Scores
#
# Rocks have three, photographs one. Kinds of rock differ, so that whole kinds change places for p, and are drawn again
# for intervals; of other sets, images.

# %%
sets, scored, units = {}, {}, {}
if named:
    trials = mf.datasets.trials("rocks480")
    trials = trials[trials["experiment"] == "Exp1_New"]
    rocks = mf.datasets.load("rocks480")
    if few:
        shown = rocks["subcategory"].sel(image=sorted(trials["image"].unique())).to_series()
        rocks = rocks.sel(image=sorted(shown.groupby(shown).head(4).index[:few]))
        trials = trials[trials["image"].isin(rocks["image"].values)]
    names = {"hit_rate": "hits", "corrected_recognition": "hits less false alarms", "d_prime": "d′"}
    counted = mf.scores.from_trials(trials, truth="truth", response="response")
    scored["rocks"] = counted[list(names)].to_dataframe()[list(names)].rename(columns=names)
    sets["rocks"] = rocks
    units["rocks"] = {"blocks": rocks["subcategory"].sel(image=list(scored["rocks"].index)), "permute": "whole"}
    sets["photographs"] = mf.datasets.load("lnsim").isel(image=slice(few or None))
    scored["photographs"] = sets["photographs"]["hit_rate"].to_series().to_frame("hits")
else:
    own = mf.images.read(photos, scores=table).isel(image=slice(few or None))
    column = os.environ.get("MEMFEAT_COLUMN", "hit_rate")
    sets["yours"] = own
    scored["yours"] = own[column].to_series().to_frame("hits")
    if "false_alarm_rate" in own:
        scored["yours"]["hits less false alarms"] = scored["yours"]["hits"] - own["false_alarm_rate"].to_series()
for name, images in sets.items():
    assert mf.images.ledger(images).empty
    assert scored[name].notna().all().all()
    print(f"{name}: {images.sizes['image']} photographs, {len(scored[name])} of them scored by {list(scored[name])}")

# %% [markdown]
# ## Distances
#
# The choices: far from the nearest other, from the five nearest, from all others on average, or where few others lie
# (−log p, a kernel density in ten principal components). Distances are Euclidean or 1 − r; for the density, each image
# is standardised over its features first, so that Euclidean distance is √(2 (1 − r)) up to a factor. Of each of four
# stages of a ResNet-152, the last block is taken, or all blocks: each block's measure is standardised over images, and
# the mean taken. Distances are computed once; all photographs of a set count as others, also those without a score.

# %%
model = mf.models.load("resmem-frozen", backbone="released")
stores = {"rocks": "02_rocks480_frozen.zarr", "photographs": "02_lnsim_frozen.zarr", "yours": "own_frozen.zarr"}
layers = ["features.layer[1-4].*", "features.avgpool"]
kinds = {"nearest": {}, "k_nearest": {"k": 5}, "mean": {}}
said = {"nearest": "nearest", "k_nearest": "five nearest", "mean": "mean of all"}
measured, blocks = {}, {}
for name, images in sets.items():
    seen = mf.extract(images, model=model, layers=layers, store=results / stores[name]).load()
    seen = seen.sel(image=images["image"]).drop_vars("features.avgpool")
    blocks[name] = seen["features.layer4.2"]
    level = {layer: one - one.mean(one.dims[1:]) for layer, one in seen.items()}
    level = {layer: one / np.sqrt((one**2).mean(one.dims[1:])) for layer, one in level.items()}
    plain = {"euclidean": seen, "correlation": seen.assign(level)}
    for metric, space in plain.items():
        rdms = mf.rdm.compute(seen, metric=metric)
        for kind, more in kinds.items():
            measured[name, said[kind], metric] = mf.measures.distinctiveness(rdms, kind=kind, **more)
        measured[name, "density", metric] = mf.measures.contextual_distinctiveness(space, progress=False)
rows, choices = {name: {} for name in sets}, ["distance", "metric", "stage", "blocks"]
for (name, distance, metric), measure in measured.items():
    by_block = measure.to_dataarray("layer").sel(image=list(scored[name].index))
    standard = (by_block - by_block.mean("image")) / by_block.std("image")
    for stage, last in {1: 2, 2: 7, 3: 35, 4: 2}.items():
        inside = standard["layer"].str.startswith(f"features.layer{stage}.")
        both = {"last": by_block.sel(layer=f"features.layer{stage}.{last}"), "all": standard[inside].mean("layer")}
        for which, values in both.items():
            rows[name][distance, metric, f"stage {stage}", which] = values.to_series()
rows = {name: pd.DataFrame(one) for name, one in rows.items()}
for one in rows.values():
    assert one.shape[1] == 4 * 2 * 4 * 2
    assert one.notna().all().all()

# %% [markdown]
# The tables of Lin et al. allow fewer choices: which of two measures, and in which of seven layers.

# %%
if named:
    scores = mf.datasets.load("reconmem_isola")["corrected_recognition"].to_series().to_frame("hits less false alarms")
    tables = mf.datasets.table("reconmem_isola", "layers").rename(reconstruction_error="error")
    rows["tables"] = pd.concat({one: tables[one].to_pandas().T for one in ("distinctiveness", "error")}, axis=1)
    scored["tables"] = scores.loc[rows["tables"].index]
    assert rows["tables"].shape == (2_222, 14)
of = {name: choices if name != "tables" else ["measure", "layer"] for name in rows}

# %% [markdown]
# ## Every combination, and a joint test
#
# Each correlation has an interval from the same samples. For the test, scores are permuted once for all combinations:
# the largest |r| of any combination, in each permutation, is what each is held against. A combination that passes would
# do so although one had tried them all. The median over combinations is tested by the same permutations. Null
# hypothesis of both: scores have nothing to do with distances, by whatever choice.

# %%
curves, joint = {}, {}
for name, table_of in rows.items():
    rates = scored[name].sort_index()
    x = table_of.loc[rates.index]
    labels = [" | ".join(one) for one in x.columns]
    measure = xr.DataArray(x.T.to_numpy(), {"layer": labels, "image": list(x.index)}, ["layer", "image"])
    exchange = units.get(name, {})
    with warnings.catch_warnings():
        # that distances are skewed, and intervals of Pearson's r then too narrow, belongs to that choice
        warnings.simplefilter("ignore", mf.errors.SkewedWarning)
        found = {
            method: mf.measures.profile(measure, rates, method=method, **draws, **exchange)
            for method in ("pearson", "spearman")
        }
    kinds_of = pd.factorize(exchange["blocks"].sel(image=list(x.index)).values, sort=True)[0] if exchange else None
    scheme = {"blocks": kinds_of, "permute": "whole"} if exchange else {}
    index, exact = mf.stats.permutations(
        len(x), draws["n_permutations"], rng=np.random.default_rng(draws["rng"]), **scheme
    )
    ranked = {"pearson": (x.to_numpy().T, rates.to_numpy().T)}
    ranked["spearman"] = tuple(rankdata(one, axis=1) for one in ranked["pearson"])
    null = {}
    for method, pair in ranked.items():
        z, y = ((one - one.mean(axis=1, keepdims=True)) / one.std(axis=1, keepdims=True) for one in pair)
        null[method] = np.stack([z @ one[index].T / len(x) for one in y], axis=1)
    # by itself, Spearman's has the corrected p of mf.measures.profile
    flat = found["spearman"]["estimate"].values.ravel(), null["spearman"].reshape(-1, len(index))
    corrected = mf.stats.max_statistic(*flat, exact=exact)
    assert np.allclose(corrected, found["spearman"]["p_corrected"].values.ravel())
    parts = []
    for method, one in found.items():
        chosen = pd.DataFrame(list(x.columns), columns=of[name])
        for k, score in enumerate(rates):
            columns = {column: one[column].sel(score=score).values for column in ("estimate", "ci_low", "ci_high")}
            parts.append(chosen.assign(score=score, coefficient=method, **columns, place=range(len(x.columns)), at=k))
    curve = pd.concat(parts, ignore_index=True)
    drawn = np.stack([null[m][place, k] for m, place, k in zip(curve["coefficient"], curve["place"], curve["at"], strict=True)])
    curve["p_joint"] = mf.stats.max_statistic(curve["estimate"].to_numpy(), drawn, exact=exact)
    median = np.median(curve["estimate"])
    joint[name] = (median, float(mf.stats.p_value(median, np.median(drawn, axis=0), exact=exact)))
    curves[name] = curve.drop(columns=["place", "at"])
    assert len(curve) == 2 * x.shape[1] * rates.shape[1]
    assert curve["p_joint"].between(0, 1).all()
