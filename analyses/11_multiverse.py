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
# - `rocks480/`: 480 photographs of rocks of 30 kinds (Nosofsky et al., 2018), 240 of which were shown in the new
#   version of a recognition experiment, with its trials (of 2025; no publication found; repository
#   DaniilAzarov123/Rocks_Memorability);
# - `lnsim/`: 800 outdoor photographs with hit rates (Lu et al., 2020);
# - `reconmem_isola/`: memorability (hit rate less false-alarm rate), distance from the nearest photograph and
#   reconstruction error of 2,222 photographs in seven layers (Lin et al., 2024).
#
# Or your own photographs: set `MEMFEAT_PHOTOS` to a folder, and `MEMFEAT_SCORES` and `MEMFEAT_COLUMN` to a CSV with
# measured hit rates and their column. If it has a column `false_alarm_rate`, hits less false alarms are a choice too.
# Photographs that cannot be read are left out; those without a score are only among the others that one may be far
# from. `MEMFEAT_BACKBONE` says which weights the network has for your own: `released` if you do not set it, or
# `imagenet`, which were not retrained on memorability and are what to publish with.
#
# **Time.** Two minutes on one core after the notebooks before this one, which leave their features in the same stores;
# 20 minutes more without them. With `MEMFEAT_IMAGES` set to a number, only about so many photographs are used: enough
# to see that it runs, and for nothing else.
#
# **What was published.** To run every combination of defensible choices is the multiverse analysis of Steegen,
# Tuerlinckx, Gelman and Vanpaemel (2016); to draw them sorted above their choices, and to test all of them jointly, the
# specification curve of Simonsohn, Simmons and Nelson (2020) (both from the abstract). Of distances: a distant nearest
# photograph goes with better memory, most so in late layers (Lin et al., 2024; recomputed from their tables). Scenes
# that a network tells apart in low layers, and finds similar in high ones, are remembered better (Koch, Akpan and
# Coutanche, 2020, from the abstract); the distance was the mean of all.
#
# **What this is worth.** Combinations are not independent studies: they share images, and many nearly repeat each
# other. That 60 % of them agree is not evidence of 60 %. Choices of this list are ours; another list gives other
# shares. Not all are equally good: a score that halves of the participants do not agree on cannot correlate with
# anything. The shares of variance describe these combinations and have no intervals. The network's weights were trained
# to predict memorability, on photographs of other sets.

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
from scipy.spatial.distance import pdist, squareform
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
    column, readable = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), (own["status"] == "ok").values
    print(f"{(~readable).sum()} of {readable.size} photographs cannot be read, and are left out")
    sets["yours"] = own = own.isel(image=readable)
    rates = own[column].to_series().to_frame("hits")
    if "false_alarm_rate" in own:
        rates["hits less false alarms"] = rates["hits"] - own["false_alarm_rate"].to_series()
    scored["yours"] = rates.dropna()
assert all(mf.images.ledger(images).empty for images in sets.values())
assert all(one.notna().all().all() for one in scored.values())
for name, images in sets.items():
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
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
model = mf.models.load("resmem-frozen", backbone=backbone)
stores = {"rocks": "02_rocks480_frozen.zarr", "photographs": "02_lnsim_frozen.zarr"}
stores["yours"] = "own_frozen.zarr" if backbone == "released" else f"own_frozen_{backbone}.zarr"
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
assert all(one.shape[1] == 4 * 2 * 4 * 2 for one in rows.values())
assert all(one.notna().all().all() for one in rows.values())

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
    which = zip(curve["coefficient"], curve["place"], curve["at"], strict=True)
    drawn = np.stack([null[method][place, k] for method, place, k in which])
    curve["p_joint"] = mf.stats.max_statistic(curve["estimate"].to_numpy(), drawn, exact=exact)
    median = np.median(curve["estimate"])
    joint[name] = (median, float(mf.stats.p_value(median, np.median(drawn, axis=0), exact=exact)))
    curves[name] = curve.drop(columns=["place", "at"])
    assert len(curve) == 2 * x.shape[1] * rates.shape[1]
assert all(curve["p_joint"].between(0, 1).all() for curve in curves.values())
assert all((curve["ci_low"] <= curve["ci_high"]).all() for curve in curves.values())

# %% [markdown]
# One combination of each set by hand, from all pairs: the nearest by 1 − r, in the last block of all.

# %%
for name, block in blocks.items():
    gaps = squareform(pdist(block.values.astype(float), "correlation"))
    np.fill_diagonal(gaps, np.inf)
    nearest = pd.Series(gaps.min(axis=0), block["image"].values).loc[scored[name].index]
    chosen = {"distance": "nearest", "metric": "correlation", "stage": "stage 4", "blocks": "last", "score": "hits"}
    same = curves[name][(curves[name][list(chosen)] == list(chosen.values())).all(axis=1)].set_index("coefficient")
    assert np.isclose(same.loc["spearman", "estimate"], spearmanr(nearest, scored[name]["hits"]).statistic, atol=1e-6)
    assert np.isclose(same.loc["pearson", "estimate"], pearsonr(nearest, scored[name]["hits"]).statistic, atol=1e-6)
if named:
    known = [0.135, 0.140, 0.213, 0.281, 0.354, 0.322, 0.289]
    theirs = curves["tables"].query("measure == 'distinctiveness' and coefficient == 'spearman'")["estimate"]
    assert [round(one, 3) for one in theirs] == known

# %% [markdown]
# ## What each choice does
#
# Combinations are crossed and one number stands in each cell, so that the variance over cells falls apart exactly: what
# the levels of one choice differ by, averaged over all others (main effects), what pairs of choices add, and the rest.
# Beside it: how far the estimate moves, and how often its sign changes, when this choice alone is changed. Where there
# is more than one score, the same is asked once more without hits alone: does any choice matter once false alarms
# count?

# %%
effects, pairs, summary = {}, {}, {}
without = {name: f"{name}, without hits alone" for name in sets if len(scored[name].columns) > 1}
asked = {name: (name, curve) for name, curve in curves.items()}
asked |= {called: (name, curves[name].query("score != 'hits'")) for name, called in without.items()}
for name, (of_set, curve) in asked.items():
    factors = [*of[of_set], "score", "coefficient"]
    cells = curve.set_index(factors)["estimate"].to_xarray()
    factors = [factor for factor in factors if cells.sizes[factor] > 1]
    assert cells.notnull().all()
    assert cells.size == len(curve)
    total = float(((cells - cells.mean()) ** 2).sum())
    main, rows_of = {}, {}
    for factor in factors:
        level = cells.mean([other for other in cells.dims if other != factor])
        main[factor] = level - cells.mean()
        moved = [
            (cells.sel({factor: a}) - cells.sel({factor: b}), cells.sel({factor: a}) * cells.sel({factor: b}) < 0)
            for a, b in combinations(cells[factor].values, 2)
        ]
        rows_of[factor] = {
            "levels": cells.sizes[factor],
            "share of variance": float((main[factor] ** 2).mean()) * cells.size / total,
            "mean change": np.mean([float(np.abs(gap).mean()) for gap, _ in moved]),
            "sign changes": np.mean([float(sign.mean()) for _, sign in moved]),
            "lowest": f"{level.idxmin().item()} ({float(level.min()):+.2f})",
            "highest": f"{level.idxmax().item()} ({float(level.max()):+.2f})",
        }
    effects[name] = pd.DataFrame(rows_of).T
    shares = {}
    for a, b in combinations(factors, 2):
        joined = cells.mean([other for other in cells.dims if other not in (a, b)]) - cells.mean()
        shares[f"{a} × {b}"] = float(((joined - main[a] - main[b]) ** 2).mean()) * cells.size / total
    pairs[name] = pd.Series(shares).sort_values(ascending=False)
    left = 1 - effects[name]["share of variance"].sum() - pairs[name].sum()
    assert -1e-9 < left < 1
    print(f"{name}: {len(curve)} combinations, n = {len(scored[of_set])}")
    low, high, above = curve["estimate"].min(), curve["estimate"].max(), (curve["estimate"] > 0).sum()
    print(f"from {low:+.3f} to {high:+.3f}; {above} above 0")
    shown = effects[name].astype({"share of variance": float, "mean change": float, "sign changes": float})
    print(shown.round(3).to_string())
    print("pairs of choices:", ", ".join(f"{pair} {share:.2f}" for pair, share in pairs[name].head(3).items()))
    print(f"all pairs {pairs[name].sum():.2f}, three choices and more {left:.2f}")
    design = pd.get_dummies(curve[factors[0]], dtype=float).to_numpy()
    fitted = design @ np.linalg.lstsq(design, curve["estimate"].to_numpy())[0]
    share = fitted.var() / curve["estimate"].var(ddof=0)
    assert np.isclose(share, effects[name]["share of variance"].iloc[0])

# %% [markdown]
# ## The curve
#
# Every combination once, sorted by its estimate, with its interval; below, what was chosen. Black: passes the joint
# test. The tables of Lin et al. offer other choices than these, and are not drawn.

# %%
drawn_sets = list(sets)
levels = {"distance": [*said.values(), "density"], "metric": ["euclidean", "correlation"]}
levels |= {"stage": [f"stage {k}" for k in range(1, 5)], "blocks": ["last", "all"]}
levels |= {"score": list(scored[drawn_sets[0]]), "coefficient": ["pearson", "spearman"]}
marks = [(factor, level) for factor, of_factor in levels.items() for level in of_factor]
widths = [len(curves[name]) ** 0.5 for name in drawn_sets]
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(
        2,
        len(drawn_sets),
        figsize=(180 / 25.4, 150 / 25.4),
        sharex="col",
        sharey="row",
        squeeze=False,
        width_ratios=widths,
        height_ratios=[1, 1.2],
        layout="constrained",
    )
    for (above, below), name in zip(panels.T, drawn_sets, strict=True):
        curve = curves[name].sort_values("estimate", kind="stable", ignore_index=True)
        passed = (curve["p_joint"] < 0.05).to_numpy()
        above.axhline(0, color="#767676", linewidth=0.7, linestyle="--")
        for group, colour in ((passed, "black"), (~passed, "#0072B2")):
            some = curve[group]
            above.vlines(some.index, some["ci_low"], some["ci_high"], color=colour, alpha=0.25, linewidth=0.6)
            above.plot(some.index, some["estimate"], ".", color=colour, markersize=2)
            for place, (factor, level) in enumerate(marks):
                at = some.index[some[factor] == level]
                below.plot(at, np.full(len(at), place), "|", color=colour, markersize=4, markeredgewidth=0.5)
        unit = f"{len(np.unique(units[name]['blocks']))} kinds" if name in units else "photographs"
        above.set_title(
            f"{name}: {len(curve)} combinations, n = {len(scored[name])};\n95 % bootstrap over {unit};\n"
            "black: p < .05, max-statistic",
            loc="left",
            fontsize=6,
            color="#595959",
        )
        below.set_xlabel("Combinations, sorted")
    panels[0, 0].set_ylabel("Correlation of distance\nand score")
    panels[1, 0].set_yticks(range(len(marks)), [f"{factor}: {level}" for factor, level in marks], fontsize=6)
    panels[1, 0].set_ylim(len(marks) - 0.5, -0.5)
mf.plot.save(figure, figures / "11_multiverse", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## The answer

# %%
for name, curve in curves.items():
    estimate = curve["estimate"]
    apart = (curve["ci_low"] > 0) | (curve["ci_high"] < 0)
    most = np.sign(estimate.median())
    median, p = joint[name]
    summary[name] = {
        "n": len(scored[name]),
        "combinations": len(curve),
        "median": median,
        "p of the median": p,
        "lowest": estimate.min(),
        "highest": estimate.max(),
        "share of the other sign": (np.sign(estimate) != most).mean(),
        "of the other sign, interval without 0": ((np.sign(estimate) != most) & apart).mean(),
        "interval without 0": apart.mean(),
        "pass the joint test": (curve["p_joint"] < 0.05).mean(),
        "smallest joint p": curve["p_joint"].min(),
    }
print(pd.DataFrame(summary).round(4).to_string())
for name, curve in curves.items():
    for which in (curve["estimate"].idxmin(), curve["estimate"].idxmax()):
        one = curve.loc[which]
        how = ", ".join(str(one[factor]) for factor in [*of[name], "score", "coefficient"])
        print(f"{name}: {one['estimate']:+.3f} [{one['ci_low']:+.3f}, {one['ci_high']:+.3f}], {how}")

for name in sets:
    curve = curves[name]
    positive = (curve["estimate"] > 0).groupby(curve["score"]).mean()
    print(f"{name}, share above 0:", ", ".join(f"{score} {share:.2f}" for score, share in positive.items()))
    mean = curve.query("distance == 'mean of all' and blocks == 'last' and coefficient == 'spearman'")
    print(f"{name}, mean distance from all (last block, Spearman's ρ):")
    print(mean.pivot(index=["metric", "score"], columns="stage", values="estimate").round(2).to_string())
    shown = ["metric", "score", "estimate", "ci_low", "ci_high", "p_joint"]
    print(mean[mean["stage"] == "stage 4"][shown].round(3).to_string(index=False))

# %% [markdown]
# **For rocks, the score decides.** By hits, rocks that lie far from others are remembered worse; by hits less false
# alarms, or d′, they are remembered better. Of the variance over 384 combinations, .78 is that of the score; when it
# alone is changed, the sign changes in .60 of the cases. Rocks far from others are called old less often, seen or not
# (the notebook before this one): hits alone mistake that for forgetting.
#
# **Once false alarms are counted, other choices still matter for rocks: for the size, and hardly for the sign.** Of 256
# combinations without hits alone, from −.04 to .40, 251 are above 0. What far means holds .33 of their variance (.15 on
# average where few others lie, .27 from the five nearest), the metric .13, and the stage .04. Yet when the stage alone
# is changed, the estimate moves by .08 on average, which no other choice exceeds. It matters together with others: with
# the metric it holds .26, with distance .16. On average, Euclidean distances of every kind say least in the last stage,
# and distances 1 − r say most there, but for density.
#
# **For outdoor photographs, the stage decides** (.86 of the variance over 128 combinations), and no choice changes the
# sign: all 128 are positive, from .03 to .51. There are no false alarms for these photographs, so that the choice
# that mattered most for rocks cannot be made. **In the authors' tables it is the layer, too** (.97); whether
# distance or reconstruction error is taken hardly matters.
#
# The joint test says for each set that scores have something to do with distances by *some* choice (p of the median =
# .0001), and not by whatever choice: singly, 25 % of the 384 combinations of the rocks pass, 76 % of the 128 of the
# photographs, and all 28 of the tables. Nor does it say in which direction: of the 95 that pass for rocks, 5 are
# negative, all of them by hits.
#
# What was published agrees in part. That the nearest neighbour's distance says more in late layers (Lin et al.) holds
# for the outdoor photographs; for rocks, by a score free of false alarms, it holds where distances are 1 − r, and not
# where they are Euclidean. That similarity in high layers goes with better memory (Koch et al.) is not found for rocks
# by such a score, nor for the outdoor photographs by hits: there the mean distance says most in the last stage, and is
# positive. By hits of rocks, the mean distance in the last block has their sign where distances are 1 − r (ρ = −.19
# [−.32, −.08]), but none of the eight combinations of mean distance, last stage and hits passes the joint test (the
# smallest p is .11); where distances are Euclidean, nothing can be seen (−.09 [−.24, .08]). By hits less false alarms,
# the same mean distance, 1 − r, goes with better memory (.31 [.16, .44]). Their network and scenes were others, and
# this network was trained to predict memorability.

# %%
if named and not few:
    rock, outdoor, published = (effects[name] for name in ("rocks", "photographs", "tables"))
    assert rock["share of variance"].astype(float).idxmax() == "score"
    assert outdoor["share of variance"].astype(float).idxmax() == "stage"
    assert published["share of variance"].astype(float).idxmax() == "layer"
    assert (curves["photographs"]["estimate"] > 0).all()
    by_score = curves["rocks"].groupby("score")["estimate"]
    assert by_score.median()["hits"] < 0 < by_score.median()[["hits less false alarms", "d′"]].min()
    passed = curves["rocks"][curves["rocks"]["p_joint"] < 0.05]
    assert (len(passed), (passed["estimate"] < 0).sum()) == (95, 5)
    assert (passed["score"][passed["estimate"] < 0] == "hits").all()
    share = {name: 100 * summary[name]["pass the joint test"] for name in curves}
    assert [round(one) for one in share.values()] == [25, 76, 100]
    late = curves["rocks"].query("distance == 'mean of all' and stage == 'stage 4'")
    by_hits = late.query("score == 'hits'")
    assert (len(by_hits), len(curves["tables"])) == (8, 28)
    assert (by_hits["estimate"] < 0).all()
    likeness = late.query("blocks == 'last' and coefficient == 'spearman'").set_index(["metric", "score"])
    limits = ["estimate", "ci_low", "ci_high"]
    near = curves["rocks"].query("distance == 'nearest' and blocks == 'last' and score != 'hits'")
    near = near.pivot(index=["metric", "score", "coefficient"], columns="stage", values="estimate")
    assert (near["stage 4"] > near["stage 1"])["correlation"].all()
    assert (near["stage 4"] < near["stage 1"])["euclidean"].all()
    counted = effects[without["rocks"]]
    both = asked[without["rocks"]][1]["estimate"]
    level = asked[without["rocks"]][1].groupby("distance")["estimate"].mean()
    stages = asked[without["rocks"]][1].groupby(["metric", "distance", "stage"])["estimate"].mean().unstack("stage")
    assert (stages.loc["euclidean"].idxmin(axis=1) == "stage 4").all()
    assert (stages.loc["correlation"].drop("density").idxmax(axis=1) == "stage 4").all()
    far = curves["photographs"]["estimate"]
    by_stage = curves["photographs"].pivot(
        index=["distance", "metric", "blocks", "coefficient"], columns="stage", values="estimate"
    )
    assert (by_stage.loc[["nearest", "mean of all"]].idxmax(axis=1) == "stage 4").all()
    assert (len(curves["rocks"]), len(both), (both > 0).sum(), len(far)) == (384, 256, 251, 128)
    assert counted["mean change"].astype(float).idxmax() == "stage"
    # these keep prose and outputs together; they say nothing about whether either is right
    told = {
        "rocks, score, variance and sign": (rock.loc["score", ["share of variance", "sign changes"]], "0.78 0.60"),
        "without hits alone, range": ([both.min(), both.max()], "-0.04 0.40"),
        "variance": (counted.loc[["distance", "metric", "stage"], "share of variance"], "0.33 0.13 0.04"),
        "distance, levels": ([level["density"], level["five nearest"]], "0.15 0.27"),
        "distance, lowest and highest": ([level.min(), level.max()], "0.15 0.27"),
        "pairs": (pairs[without["rocks"]][["metric × stage", "distance × stage"]], "0.26 0.16"),
        "stage alone": ([counted.loc["stage", "mean change"]], "0.08"),
        "photographs, stage": ([outdoor.loc["stage", "share of variance"]], "0.86"),
        "photographs, range": ([far.min(), far.max()], "0.03 0.51"),
        "tables, layer": ([published.loc["layer", "share of variance"]], "0.97"),
        "joint p": ([p for _, p in joint.values()], "0.0001 0.0001 0.0001"),
        "mean, 1 − r, by hits": (likeness.loc[("correlation", "hits"), limits], "-0.19 -0.32 -0.08"),
        "Euclidean, by hits": (likeness.loc[("euclidean", "hits"), limits], "-0.09 -0.24 0.08"),
        "without false alarms": (likeness.loc[("correlation", "hits less false alarms"), limits], "0.31 0.16 0.44"),
        "smallest joint p by hits": ([by_hits["p_joint"].min()], "0.11"),
    }
    for name, (found, said_so) in told.items():
        each = zip(found, said_so.split(), strict=True)
        assert all(f"{one:.{len(text.partition('.')[2])}f}" == text for one, text in each), (name, found, said_so)

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
parts = []
for name, curve in curves.items():
    kept = curve.rename_axis(f"{name}_combination").add_prefix(f"{name}_").to_xarray()
    numbers = effects[name].drop(columns=["lowest", "highest"]).astype(float).rename_axis(f"{name}_choice")
    kept = kept.merge(numbers.add_prefix(f"{name}_").rename(columns=lambda one: one.replace(" ", "_")).to_xarray())
    of_pairs = pairs[name].rename_axis(f"{name}_pair").rename(f"{name}_share_of_variance_of_pair")
    kept = kept.merge(of_pairs.to_xarray())
    kept.attrs = {f"{name}_{what.replace(' ', '_')}": float(value) for what, value in summary[name].items()}
    kept.attrs[f"{name}_unit"] = "kinds" if name in units else "images"
    parts.append(kept)
saved = xr.merge(parts, combine_attrs="no_conflicts").assign_attrs(
    memfeat_version=mf.__version__,
    seed=draws["rng"],
    n_permutations=draws["n_permutations"],
    interval=f"95 % expanded percentile bootstrap, {draws['n_bootstraps']} samples",
    correction="p_joint: largest |r| of all combinations of a set under the same permutations",
)
results.mkdir(parents=True, exist_ok=True)
saved.to_netcdf(results / "11_multiverse.nc", engine="h5netcdf")
