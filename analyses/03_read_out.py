# %% [markdown]
# # From which layers can memorability be read out?
#
# A regression is fitted to some photographs and predicts how well people remember others. That is asked three times:
# of 51 layers of a network, beside the same network untrained and beside what photographs are like before anything is
# recognised in them; of attributes that people gave to photographs; and of a few numbers per layer of three vision
# transformers.
#
# **Data.** No set comes with memfeat; `mf.datasets.citation` says where each is from. `MEMFEAT_DATA` must name a folder
# that holds all three:
#
# - `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates and those of 25 random
#   halvings of the participants (Lu et al., 2020);
# - `isola_attributes/`: 923 attributes that people gave to 2,222 photographs, their hit rates, and the split into
#   1,482 and 740 that came with them (Isola et al., 2014);
# - `memcat/`: counts of hits and of responses for 10,000 photographs of 134 kinds in 5 categories (Goetschalckx &
#   Wagemans, 2019), with numbers that sum up the layers of CLIP, DINOv2 and SigLIP2.
#
# The first question can be asked of your own photographs: set `MEMFEAT_PHOTOS` to a folder, and `MEMFEAT_SCORES` and
# `MEMFEAT_COLUMN` to a CSV with a column `image` and to its column of measured scores (`hit_rate` if you do not). If it
# has columns `half1_…` and `half2_…`, scores by two halves of the participants, there is a ceiling, too; scores alone
# do not say how reliable they are. Photographs that cannot be read or have no score are left out. `MEMFEAT_BACKBONE`
# says which weights the trained network has for your own: `released` if you do not set it, or `imagenet`, which were
# not retrained on memorability and are what to publish with.
#
# **Time.** A quarter of an hour on two cores, a third of it for features, which are kept for the next run. With
# `MEMFEAT_IMAGES` set to a number, only about so many images of each set are used: to see that it runs, and for nothing
# else.
#
# **What was published.** Khosla, Raju, Torralba and Oliva (2015) predict the memorability of photographs (LaMem) with a
# rank correlation of .64, where people agree with .68 (from the abstract). Perera, Tal and Zelnik-Manor (2019) report
# about .67 for the same photographs, with boosted trees on the last pooled layer of a ResNet-152; prediction gets
# better with depth (both recalled, not checked against the paper). Harada and Sakai (2023) predicted memorability from
# 16,860 layers of 64 networks: the layers that do it best resemble the inferior temporal cortex most (from the
# abstract). For the attributes and their split a ρ of .656 on the test part is known (recomputed below); it is no
# figure of the article. Halves of MemCat's participants agree with .78 (as ResMem's authors quote it).
#
# **What this is worth.** It says what can be read out by a linear model from this many photographs, not what a brain
# reads. The weights of the network were trained to predict memorability, on photographs of other sets: what it knows
# of memory it may have learnt there. The untrained network is one draw of random weights. All scores are hit rates,
# without false alarms. Intervals hold predictions fixed: they are about other photographs, not about other training.
# They are expanded percentiles of bootstrap samples, 95 %; how often such intervals hold the truth is measured in the
# documentation, "How it was validated".

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, named = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), folder is None
if named and not all((data / name).is_dir() for name in ("lnsim", "isola_attributes", "memcat")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds lnsim, isola_attributes and memcat; memfeat may not ship them. Or "
        "set MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 999, "n_bootstraps": 200 if few else 1_000, "rng": 0}
bootstrap = {"n_bootstraps": draws["n_bootstraps"], "rng": 0}
columns = ["estimate", "ci_low", "ci_high", "p_corrected"]

# %% [markdown]
# ## Photographs and what people remembered
#
# A hit rate is the share of people who recognised a photograph. 25 halvings of the participants say how well another
# sample of people would agree. Your own scores may be other ones than hit rates, and have no ceiling where the table
# has no halves.

# %%
photos = mf.datasets.load("lnsim") if named else mf.images.read(folder, scores=table)
if not named:
    usable = (photos["status"] == "ok").values & photos[column].notnull().values
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score, and are left out")
    photos = photos.isel(image=usable)
photos = photos.isel(image=slice(few or None))
assert mf.images.ledger(photos).empty
hits, n_photos, halves = photos[column], photos.sizes["image"], None
called = column.replace("_", " ")
if named:
    assert n_photos == (few or 800)
    assert ((hits > 0) & (hits < 1)).all()
    halves = mf.datasets.table("lnsim", "halves")["hit_rate"].sel(image=photos["image"]).reset_coords(drop=True)
    assert np.abs(halves.mean("half") - hits).max() < 0.01
elif any(str(name).startswith("half1_") for name in photos.data_vars):
    halves = mf.scores.read_halves(table, name=column).sel(image=photos["image"]).reset_coords(drop=True)
print(f"{n_photos} photographs with {called}")

# %% [markdown]
# ## Two networks with the same architecture
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space: the
# features of *Which layers find the same images alike as people do?*, in the same store, so that they are extracted
# once. The untrained network has the same architecture, and weights that were drawn at random.

# %%
layers, last = ["features.layer[1-4].*", "features.avgpool"], "features.layer4.2"
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
own = "own_frozen" if backbone == "released" else f"own_frozen_{backbone}"
networks = {
    "trained": ("02_lnsim_frozen" if named else own, {"backbone": backbone}),
    "untrained": ("03_lnsim_random" if named else "own_random", {"backbone": "random", "rng": 0}),
}
seen = {}
for name, (store, weights) in networks.items():
    model = mf.models.load("resmem-frozen", **weights)
    seen[name] = mf.extract(photos, model=model, layers=layers, store=results / f"{store}.zarr").load()
for features in seen.values():
    assert (len(features.data_vars), features.sizes["image"]) == (51, n_photos)
    assert all(np.isfinite(layer).all() for layer in features.values())
largest = {name: float(max(np.abs(layer).max() for layer in features.values())) for name, features in seen.items()}
print("largest activation:", ", ".join(f"{name} {value:.3g}" for name, value in largest.items()))

# %% [markdown]
# Nothing normalises what an untrained residual network adds up from block to block, so that its activations become
# very large. That makes no difference here: each channel is standardised by the training photographs, and penalties
# are relative to the variance of the layer.
#
# ## What photographs are like before anything is recognised
#
# Nine numbers of each photograph, from luminance to aspect ratio: `mf.lowlevel.statistics` says how each is computed.
# Where photographs are your own, a statistic that is the same for all (as the aspect ratio often is), or that one of
# them does not have, is left out.

# %%
statistics = mf.lowlevel.statistics(photos).reset_coords(drop=True)
constant = [name for name, one in statistics.data_vars.items() if one.isnull().any() or one.min() == one.max()]
simple = statistics.drop_vars(constant).to_dataframe()
if constant:
    print(f"left out: {', '.join(constant)}")
n_simple = simple.shape[1]
if named:
    assert n_simple == 9
beside_layers = mf.features.from_table(simple.reset_index(), layer="low-level statistics")
alone = {name: spearmanr(simple[name], hits.sel(image=simple.index)).statistic for name in simple.columns}
print(f"Spearman ρ with {called}:", ", ".join(f"{name} {rho:+.2f}" for name, rho in alone.items()))

# %% [markdown]
# ## Which layers predict?
#
# Ridge regression in five folds, the same for all; penalty and standardisation are learned in the training part of
# each. Each photograph is predicted once, by a model that has not seen it. p is corrected over the 51 layers of a
# network by the largest statistic of each permutation: two networks are two tests, each corrected by itself, and the
# low-level statistics are one more. The unit is the photograph: no groups are known among them.

# %%
reliable = {} if halves is None else {"reliability": halves}
read = {
    name: mf.regression.decode(features, hits, scale="unit", **reliable, **draws)
    for name, features in {**seen, "low-level": beside_layers}.items()
}
for name in seen:
    assert read[name].sizes["layer"] == 51
    read[name] = read[name].assign_attrs(correction="p_corrected: max-statistic over 51 layers")
for result in read.values():
    assert (result["n"] == n_photos).all()
    assert (result["fold"] == read["trained"]["fold"]).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()

# %% [markdown]
# Once by hand, for the last block, with scikit-learn: the same folds and penalties give the same predictions.

# %%
truth = hits.sel(image=seen["trained"]["image"]).values
channels, fold = seen["trained"][last].values.astype(float), read["trained"]["fold"].values
by_hand = np.full(n_photos, np.nan)
for number, penalty in read["trained"]["penalty"].sel(layer=last).to_series().items():
    held = fold == number
    scaler = StandardScaler().fit(channels[~held])
    model = Ridge(alpha=penalty).fit(scaler.transform(channels[~held]), truth[~held])
    by_hand[held] = model.predict(scaler.transform(channels[held]))
assert np.allclose(read["trained"]["prediction"].sel(layer=last), by_hand, atol=1e-6)
assert np.isclose(read["trained"]["estimate"].sel(layer=last), spearmanr(by_hand, truth).statistic, atol=1e-3)

# %% [markdown]
# How well could any model do? Not better than the true scores: √*r*, where *r* is the reliability of the measured
# ones. It is stepped up (Spearman & Brown) from the mean ρ of the two halves over the splits. This ceiling has an
# interval, too, from the same bootstrap samples, and so have estimates in its multiples: `estimate_relative`. Without
# halves there is no ceiling.

# %%
reliability, ceiling = "reliability_spearman", None
if halves is None:
    print("no halves of the participants: how reliable the scores are is not known, and there is no ceiling")
else:
    agreement = np.mean([spearmanr(*split).statistic for split in halves.transpose("split", "half", "image").values])
    ceiling = np.sqrt(read["trained"][[reliability, f"{reliability}_ci_low", f"{reliability}_ci_high"]])
    assert np.isclose(ceiling[reliability], np.sqrt(2 * agreement / (1 + agreement)), atol=1e-6)
    print(
        f"{n_photos} photographs; ρ of halves {agreement:.3f}, ceiling {ceiling[reliability]:.3f} "
        f"[{ceiling[f'{reliability}_ci_low']:.3f}, {ceiling[f'{reliability}_ci_high']:.3f}]"
    )

# %%
low = read["low-level"].isel(layer=0)
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 1, figsize=(180 / 25.4, 160 / 25.4), sharey=True, layout="constrained")
    for ax, name in zip(panels, seen, strict=True):
        drawn = read[name] if ceiling is None else read[name].assign(noise_upper=ceiling[reliability])
        mf.plot.layer_profile(drawn, ax=ax, label=f"{name.capitalize()} network:\nSpearman ρ with {called}")
        ax.axhspan(float(low["ci_low"]), float(low["ci_high"]), color="#D55E00", alpha=0.15, linewidth=0, zorder=0)
        label = f"{n_simple} low-level statistics together, and interval"
        ax.axhline(float(low["estimate"]), color="#D55E00", zorder=1, label=label)
        ax.legend(loc="upper left", bbox_to_anchor=(0, 0.93), frameon=False)
mf.plot.save(figure, figures / "03_read_out", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# Neither two intervals nor two p-values say whether one predicts better. Differences are taken in the same bootstrap
# samples; p is corrected over the two of them by the larger deviation of the two in the same samples. The best block of
# the trained network was chosen on the same photographs, which flatters it; that of the untrained one was chosen as
# well, and is flattered as much.

# %%
top = {}
for name in seen:
    blocks = read[name].drop_sel(layer="features.avgpool")
    top[name] = str(blocks["layer"].values[int(blocks["estimate"].argmax("layer"))])
rivals = {name: read[name].sel(layer=[layer]) for name, layer in top.items()} | {"low-level": read["low-level"]}
beside = mf.regression.contrast(rivals, hits, against="trained", **bootstrap)
print(beside[columns].sel(metric="spearman").to_dataframe()[columns].round(4).to_string())
highest = {name: float(read[name]["estimate"].sel(layer=layer)) for name, layer in top.items()}
assert beside.sizes["contrast"] == 2
assert np.isclose(beside["estimate"].sel(metric="spearman")[0], highest["untrained"] - highest["trained"])

# %% [markdown]
# And inside the trained network: the best block against its neighbours and against the last block of each stage; p is
# corrected over these contrasts, in the same way.

# %%
names = [str(name) for name in read["trained"]["layer"].values if name != "features.avgpool"]
at = names.index(top["trained"])
ends = [f"features.layer{stage}" for stage in ("1.2", "2.7", "3.35", "4.2")]
chosen = [name for name in names if name in {*ends, *names[max(at - 1, 0) : at + 2]}]
inside = mf.regression.contrast(read["trained"].sel(layer=chosen), hits, against=top["trained"], **bootstrap)
print(inside[columns].sel(metric="spearman").to_dataframe()[columns].round(4).to_string())

# %% [markdown]
# ## Attributes that people gave
#
# 923 attributes of 2,222 photographs: what they show, where, what happens, what people think of them. The split into
# a training and a test part came with them. With a fixed split there is one fit, and its penalty is chosen inside the
# training part, by leave-one-out error. This and all that follows needs the named sets.

# %%
saved = {}
if named:
    isola = mf.datasets.load("isola_attributes").merge(mf.datasets.table("isola_attributes", "attributes"))
    split = isola["split"].to_series()
    assert split.value_counts().to_dict() == {"train": 1_482, "test": 740}
    assert isola["attributes"].shape[1] == 923
    if few:
        isola = isola.sel(image=sorted(split.groupby(split).head(few).index))
    saved["attributes"] = mf.regression.decode(
        isola[["attributes"]], isola["hit_rate"], folds=isola["split"], held_out="test", **draws
    ).isel(layer=0)

# %%
if named:
    attributes = saved["attributes"]
    train, test = (isola.sel(image=isola["split"] == part) for part in ("train", "test"))
    x, y = train["attributes"].values.astype(float), train["hit_rate"].values
    x_test, y_test = test["attributes"].values.astype(float), test["hit_rate"].values
    assert int(attributes["n"]) == len(y_test)
    by_hand = Ridge(alpha=attributes["penalty"].item()).fit(x, y).predict(x_test)
    assert np.allclose(attributes["prediction"].sel(image=test["image"]), by_hand, atol=1e-6)
    assert np.isclose(attributes["estimate"], spearmanr(by_hand, y_test).statistic, atol=1e-3)

# %% [markdown]
# The figure that is known for this split is .656. It comes from four penalties, powers of ten with 10 among them, of
# which the one was kept that did best **on the test part**. What the test part chose it cannot judge. With scores
# that have nothing to do with the attributes the best of four does better than nothing: by how much, test scores in
# random order show. The same four can be given to leave-one-out error inside the training part.

# %%
if named:
    penalties = [0.1, 1.0, 10.0, 100.0]
    fits = {penalty: Ridge(alpha=penalty).fit(x, y).predict(x_test) for penalty in penalties}
    known = {penalty: float(spearmanr(fit, y_test).statistic) for penalty, fit in fits.items()}
    inner = RidgeCV(alphas=penalties).fit(x, y)
    shuffled = np.random.default_rng(0).permuted(np.tile(y_test, (draws["n_permutations"], 1)), axis=1)
    nothing = np.array([[spearmanr(fit, scores).statistic for fit in fits.values()] for scores in shuffled])
    flattery = nothing.max(axis=1).mean()
    print("test ρ by penalty:", ", ".join(f"{penalty:g}: {rho:.3f}" for penalty, rho in known.items()))
    print(f"best of four on the test part: {max(known.values()):.3f}; chosen in training: {known[inner.alpha_]:.3f}")
    print(f"scores in random order: best of four {flattery:+.3f}, mean of four {nothing.mean():+.3f}")
    assert flattery > nothing.mean()

# %% [markdown]
# ## A few numbers per layer
#
# Of each of the 12 blocks of three vision transformers, six numbers sum up what a photograph does there: how far
# activations move from the block before, their largest value, their largest absolute value, their mean, the entropy
# of attention, and how regular patches are. They came with the data, in the rows of the table, which is checked by
# the scores that both hold.

# %%
numbers = ["delta", "max", "max_abs", "mean", "entropy", "regularity"]
files = [f"activations_{name}" for name in numbers[:4]] + ["attentions_entropy", "patch_regularity"]
vision = ["CLIP", "DINOv2", "SigLIP2"]
if named:
    memcat, signals = mf.datasets.load("memcat"), mf.datasets.table("memcat", "layer_signals")
    # with photographs, names begin with their folders
    memcat = memcat.assign_coords(image=[str(name).rpartition("/")[2] for name in memcat["image"].values])
    signals = signals.sel(image=memcat["image"])
    assert memcat.sizes["image"] == 10_000
    assert np.allclose(memcat["hits"] / memcat["n_targets"], memcat["hit_rate"])
    same = signals["memcat_CLIP_memscores_layer_LAST"]
    assert np.allclose(same, memcat["corrected_recognition"], atol=1e-6)
    about = memcat[["category", "subcategory"]].to_dataframe()[["category", "subcategory"]]
    assert (about.groupby("subcategory")["category"].nunique() == 1).all()
    if few:
        some = about.drop_duplicates("subcategory").groupby("category").head(2)["subcategory"]
        about = about[about["subcategory"].isin(some)].groupby("subcategory").head(max(few // 8, 2))
        memcat, signals = memcat.sel(image=about.index), signals.sel(image=about.index)
    # states are counted from the input on, which is 0; blocks from 1
    summed = {
        f"{network}.{block:02}": np.column_stack(
            [one.sel({one.dims[1]: block}) for one in (signals[f"{network.lower()}_{file}"] for file in files)]
        )
        for network in vision
        for block in range(1, 13)
    }
    transformers = xr.merge(
        mf.features.from_array(values, list(about.index), layer=name).drop_attrs() for name, values in summed.items()
    )
    assert len(transformers.data_vars) == 36
    hit_rate, kind, category = memcat["hit_rate"].to_series(), about["subcategory"], about["category"]
    n_images, n_kinds = len(about), kind.nunique()
    print(f"{n_images} photographs of {n_kinds} kinds; mean hit rate by category:")
    print(hit_rate.groupby(category).mean().round(3).to_string())

# %% [markdown]
# Food is remembered, landscapes are not: whoever sees which of the five it is has predicted much. So there are three
# questions, each with its own comparison:
#
# - how well does a layer predict photographs of **other kinds**? Kinds are held out together, each fold with its
#   share of each category, and whole kinds are drawn again for the interval;
# - is that more than the **category** tells? It is decoded alone, in the same folds;
# - does the layer tell photographs of **one kind** apart? For p photographs change places inside their kind. What
#   permuted scores then give (`null_mean`, dashed in the figure) is what a layer has from knowing kinds.
#
# There are few numbers and many photographs: linear regression needs no penalty, and each permutation is fitted by
# itself. These are 199. The largest statistic would not do as a correction here, because layers that know more of
# kinds have larger values under permutation, too; so p is corrected by the false discovery rate over 36 layers.

# %%
if named:
    fits_to = {"estimator": LinearRegression(), "groups": kind, "strata": category, "rng": 0, "progress": False}
    dealt = mf.scores.resplit(memcat[["hits", "misses"]], n_splits=25, rng=0)["hit_rate"]
    others = {"permute": "whole", "n_permutations": 0, "n_bootstraps": draws["n_bootstraps"]}
    across = mf.regression.decode(transformers, hit_rate, reliability=dealt, **others, **fits_to)
    within = mf.regression.decode(
        transformers, hit_rate, permute="within", n_permutations=19 if few else 199, n_bootstraps=0, **fits_to
    )
    coded = pd.get_dummies(category, dtype=float).reset_index()
    only = mf.regression.decode(mf.features.from_table(coded, layer="category"), hit_rate, **others, **fits_to)
    assert np.allclose(across["estimate"], within["estimate"])
    assert (across["fold"] == only["fold"]).all()
    assert (across["fold"].to_series().groupby(kind).nunique() == 1).all()
    assert across.sizes["layer"] == 36

# %% [markdown]
# By hand, with least squares, for one layer. Participants are not known one by one here, so responses are dealt into
# halves, image by image: that is another estimate of reliability than halves of the participants, and a little too
# good where people differ.

# %%
if named:
    one = "DINOv2.08"
    values, order = transformers[one].sel(image=across["image"]).values.astype(float), across["fold"].values
    measured = hit_rate.loc[across["image"].values].to_numpy()
    design = np.column_stack([np.ones(n_images), values])
    by_hand = np.full(n_images, np.nan)
    for number in range(5):
        weights = np.linalg.lstsq(design[order != number], measured[order != number], rcond=None)[0]
        by_hand[order == number] = design[order == number] @ weights
    assert np.isclose(across["estimate"].sel(layer=one), spearmanr(by_hand, measured).statistic, atol=1e-3)
    of_answers = np.mean([spearmanr(*half).statistic for half in dealt.transpose("split", "half", "image").values])
    assert np.isclose(across[reliability], 2 * of_answers / (1 + of_answers), atol=1e-6)
    print(f"ρ of halves of the responses {of_answers:.3f}; ceiling {np.sqrt(across[reliability]):.3f}")
    print(f"category alone: ρ = {only['estimate'][0]:.3f} [{only['ci_low'][0]:.3f}, {only['ci_high'][0]:.3f}]")

# %%
figure = None
if named:
    drawn = across.assign(
        noise_upper=np.sqrt(across[reliability]),
        chance=within["null_mean"],
        p=within["p"],
        p_corrected=within["p_fdr"],
    ).assign_attrs(interval=f"bootstrap over {n_kinds} kinds, 95 %", correction="false discovery rate over 36 layers")
    with plt.rc_context(mf.plot.STYLE):
        figure, panels = plt.subplots(3, 1, figsize=(180 / 25.4, 210 / 25.4), sharey=True, layout="constrained")
        for ax, network in zip(panels, vision, strict=True):
            of = [name for name in drawn["layer"].values if name.startswith(network)]
            mf.plot.layer_profile(drawn.sel(layer=of), ax=ax, label=f"{network}: Spearman ρ\nwith hit rates")
            bounds = (float(only[end][0]) for end in ("ci_low", "ci_high"))
            ax.axhspan(*bounds, color="#D55E00", alpha=0.15, linewidth=0, zorder=0)
            ax.axhline(float(only["estimate"][0]), color="#D55E00", zorder=1, label="category alone, and interval")
            ax.legend(loc="upper left", bbox_to_anchor=(0, 0.93), frameon=False)
    mf.plot.save(figure, figures / "03_read_out_transformers", formats=["svg"])
    plt.close(figure)
figure

# %%
if named:
    best = str(across["layer"].values[int(across["estimate"].argmax("layer"))])
    versus = mf.regression.contrast(
        {"layer": across.sel(layer=[best]), "category": only}, hit_rate, blocks=kind, permute="whole", **bootstrap
    )
    one = versus.sel(metric="spearman")
    print(f"{best} − category: {one['estimate'][0]:+.3f} [{one['ci_low'][0]:+.3f}, {one['ci_high'][0]:+.3f}]")

# %% [markdown]
# ## The answer

# %%
for name in seen:
    found = read[name].sel(layer=top[name])
    passed = int((read[name].drop_sel(layer="features.avgpool")["p_corrected"] < 0.05).sum())
    share = ""
    if ceiling is not None:
        share = (
            f"; {found['estimate_relative']:.2f} [{found['estimate_relative_ci_low']:.2f}, "
            f"{found['estimate_relative_ci_high']:.2f}] of the ceiling"
        )
    print(
        f"{name.capitalize()} network, {n_photos} photographs: highest in {top[name]}, ρ = {found['estimate']:.3f} "
        f"[{found['ci_low']:.3f}, {found['ci_high']:.3f}], p = {found['p_corrected']:.4f}, corrected over 51 layers; "
        f"R² = {found['r2']:.3f}{share}; first block {read[name]['estimate'][0]:.3f}, "
        f"last block {read[name]['estimate'].sel(layer=last):.3f}; {passed} of 50 blocks have a corrected p below .05"
    )
print(
    f"{n_simple} low-level statistics: ρ = {low['estimate']:.3f} [{low['ci_low']:.3f}, {low['ci_high']:.3f}], "
    f"p = {low['p']:.4f}, one test; R² = {low['r2']:.3f}"
    + ("" if ceiling is None else f"; {low['estimate_relative']:.2f} of the ceiling")
)
if named:
    print(
        f"Attributes, {len(y_test)} test photographs: ρ = {attributes['estimate']:.3f} [{attributes['ci_low']:.3f}, "
        f"{attributes['ci_high']:.3f}], p = {attributes['p']:.4f}, penalty chosen inside the training part; "
        f"{max(known.values()):.3f} if chosen on the test part out of four"
    )
    tops = {}
    for network in vision:
        of = across.sel(layer=[name for name in across["layer"].values if name.startswith(network)])
        tops[network] = found = of.isel(layer=int(of["estimate"].argmax("layer")))
        kinds_alone, p = (within[what].sel(layer=found["layer"]) for what in ("null_mean", "p_fdr"))
        print(
            f"{network}, {n_images} photographs: highest in {found['layer'].item()}, ρ = {found['estimate']:.3f} "
            f"[{found['ci_low']:.3f}, {found['ci_high']:.3f}]; "
            f"{kinds_alone:.3f} with scores permuted inside kinds (FDR p = {p:.4f})"
        )

# %% [markdown]
# **The last stage of the trained network predicts how well other outdoor photographs are remembered**: ρ = .55 [.50,
# .61] in its first block and .54 at least in its three, six tenths of what the reliability of the hit rates allows
# (.59 [.54, .65]). Prediction gets better with depth, as was published, but not to the end: the ends of the first two
# stages predict less (by .30 and .21, corrected p < .01), the end of the third and the other blocks of the fourth are
# not seen to differ. That it is less than the .64 or .67 of LaMem says nothing about either network: those are other
# photographs, and many more to learn from.
#
# **What is known before anything is recognised predicts little.** The same network untrained reaches .17 [.10, .24] in
# its best block, and 15 of its 50 blocks pass the corrected test; nine low-level statistics reach .12 [.04, .19]
# together. The R² of the best untrained block is below 0: the mean hit rate would have been the better prediction. Both
# predict less than the trained network does (by .38 and .44).
#
# **Attributes that people gave predict with .66** [.62, .70]. That is no comparison with the network: these are other
# photographs, of many kinds of scene, with hit rates of their own and another number to learn from. The known figure,
# .656, is found again. That it was chosen on the test part, which with scores in random order yields .014 instead of
# nothing, made no difference here: the training part chooses the same of the four penalties. That could not be known
# before.
#
# **Six numbers per layer of a transformer predict photographs of other kinds, and not as well as the category alone**:
# .48 in the best of 36 layers, .56 by category, a difference of −.08 [−.12, −.04]. Most of what they predict is what
# kind of thing is seen: scores that change places inside their kind are predicted with .37, .40 and .38 where the best
# layers of the three networks have .43, .48 and .42. What is left of it is more than chance (p = .007, corrected). The
# responses to MemCat, dealt into halves, agree with .78, as halves of its participants were said to.

# %%
if named and not few:
    trained, stage = read["trained"], [f"features.layer4.{block}" for block in range(3)]
    ofs = {name: read[name].sel(layer=top[name]) for name in seen}
    rest = inside.sel(metric="spearman").assign_coords(contrast=inside["first"].values)
    less = beside.sel(metric="spearman")
    bounds = ("estimate", "ci_low", "ci_high")
    tested = {name: within.sel(layer=found["layer"]) for name, found in tops.items()}
    # these keep prose and outputs together; they say nothing about whether either is right
    told = {
        "best block": ([ofs["trained"][part] for part in bounds], "0.55 0.50 0.61"),
        "last stage, least": ([trained["estimate"].sel(layer=stage).min()], "0.54"),
        "of the ceiling": (
            [ofs["trained"][f"estimate_relative{part}"] for part in ("", "_ci_low", "_ci_high")],
            "0.59 0.54 0.65",
        ),
        "ends of stages 1 and 2": (rest["estimate"].sel(contrast=ends[:2]), "-0.30 -0.21"),
        "untrained": ([ofs["untrained"][part] for part in bounds], "0.17 0.10 0.24"),
        "untrained, blocks": (
            [(read["untrained"].drop_sel(layer="features.avgpool")["p_corrected"] < 0.05).sum()],
            "15",
        ),
        "low-level": ([low[part] for part in bounds], "0.12 0.04 0.19"),
        "less than trained": (less["estimate"], "-0.38 -0.44"),
        "attributes": ([attributes[part] for part in bounds], "0.66 0.62 0.70"),
        "known": ([max(known.values()), known[inner.alpha_], flattery], "0.656 0.656 0.014"),
        "transformers": ([across["estimate"].max(), only["estimate"][0]], "0.48 0.56"),
        "difference": ([one[part][0] for part in bounds], "-0.08 -0.12 -0.04"),
        "three networks": ([found["estimate"] for found in tops.values()], "0.43 0.48 0.42"),
        "inside kinds": ([found["null_mean"] for found in tested.values()], "0.37 0.40 0.38"),
        "inside kinds, p": ([max(found["p_fdr"].item() for found in tested.values())], "0.007"),
        "halves of responses": ([of_answers], "0.78"),
    }
    wrong = {}
    for name, (found, said) in told.items():
        each = zip(np.asarray(found, dtype=float).ravel(), said.split(), strict=True)
        shown = [(f"{value:.{len(text.partition('.')[2])}f}", text) for value, text in each]
        wrong |= {name: shown} if any(ours != text for ours, text in shown) else {}
    assert not wrong, wrong
    assert top["trained"] == stage[0]
    assert (rest["p_corrected"].sel(contrast=ends[:2]) < 0.01).all()
    others = rest.sel(contrast=[ends[2], *stage[1:]])
    assert ((others["ci_low"] < 0) & (others["ci_high"] > 0) & (others["p_corrected"] >= 0.05)).all()
    assert ofs["untrained"]["r2"] < 0
    assert ofs["untrained"]["p_corrected"] < 0.05
    assert low["p"] < 0.05
    assert (less["ci_high"] < 0).all()
    assert (less["p_corrected"] < 0.05).all()
    assert (across["estimate"] < only["estimate"][0]).all()

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved |= {name.replace("-", "_"): found for name, found in read.items()}
saved |= {"beside": beside, "inside": inside}
saved |= {"across": across, "within": within, "category": only, "versus": versus} if named else {}
parts = []
for name, found in saved.items():
    found = found.drop_dims("image", errors="ignore")
    renamed = found.rename({old: f"{name}_{old}" for old in {*found.variables, *found.dims}})
    renamed.attrs = {f"{name}_{key}": value for key, value in found.attrs.items()}
    parts.append(renamed)
xr.merge(parts, combine_attrs="no_conflicts").to_netcdf(results / "03_read_out.nc", engine="h5netcdf")
