# %% [markdown]
# # Are igneous, metamorphic and sedimentary rocks equally memorable, and where in a network do they differ?
#
# Geologists sort rocks into three kinds by how they came about. A study that shows all three should know two things:
# does memory differ between them, and do their photographs look different, from the first layers of a network to the
# last?
#
# **Data.** `rocks480/`: 480 photographs of rocks, 16 of each of 30 types, ten types of each kind (Nosofsky et al.,
# 2018), and the trials in which people recognised 240 of them (of 2025; no publication found; repository
# DaniilAzarov123/Rocks_Memorability). They do not come with memfeat; their authors give them out. `MEMFEAT_DATA` must
# name a folder that holds them.
#
# Or sets of your own: set `MEMFEAT_PHOTOS` to a folder, `MEMFEAT_SCORES` to a CSV with a column `image`,
# `MEMFEAT_COLUMN` to its column of scores (`hit_rate` if you do not), and `MEMFEAT_CATEGORY` to the column that says
# which set each photograph belongs to (`category` if you do not). Without that column there is nothing to compare, and
# the script ends and says so. A column `false_alarm_rate` is compared, too, where there is one. Photographs that cannot
# be read, or have no score or no set, are left out and counted, and so are sets of fewer than five, and all but the
# three largest. `MEMFEAT_BACKBONE` names the weights of the network for your own: `released` if you do not set it;
# `imagenet`, which were not retrained on memorability, for an analysis that you publish.
#
# **Time.** Two minutes on one core after the second notebook, which leaves features in the same store; three minutes
# more without it. With `MEMFEAT_IMAGES` set to a number, only about so many images are used: enough to see that it
# runs, and for nothing else.
#
# **What was published.** On comparing sets by memorability, not on rocks: Davis and Bainbridge (2023, *PNAS*) had
# people remember 4,021 paintings. ResMem's predictions went with memory online and in person, beyond colour, content,
# aesthetics and emotion (from the abstract). Rim et al. (2025) compare natural with human-made scenes: the more
# natural, the worse remembered, r = −.45 and −.42 with corrected recognition in two sets (recomputed from their
# tables).
#
# **What this is worth.** Photographs of one type (of granite, say) are alike, so there are 30 types, and not 480
# independent photographs. Types are what changes places for p-values and what is drawn again for intervals: results are
# about other types of igneous, metamorphic and sedimentary rock. With ten of each kind, only large differences can be
# found. Sets are as the authors chose them; nothing was matched. Of your own, each photograph counts by itself: where
# several show one object or scene, p-values come out too small (`clusters=` and `blocks=` are there for that).

# %%
import os
import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist, squareform

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, grouping = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), os.environ.get("MEMFEAT_CATEGORY", "category")
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
named = folder is None
if named and not (data / "rocks480").is_dir():
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds rocks480, which memfeat may not ship, or MEMFEAT_PHOTOS and "
        "MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")

# %% [markdown]
# ## The sets
#
# Everything is matched by name. Hit rates (old rocks called old), false-alarm rates (new ones called old) and d′ are
# scored from the trials.

# %%
called = {"hit_rate": "hit rate", "false_alarm_rate": "false-alarm rate", "d_prime": "d′"}
folds = 2 if few else 5
if named:
    images = mf.datasets.load("rocks480")
    trials = mf.datasets.trials("rocks480")
    trials = trials[trials["experiment"] == "Exp1_New"]
    if few:
        shown = images[["category", "subcategory"]].sel(image=sorted(trials["image"].unique())).to_dataframe()
        types = shown.groupby("category")["subcategory"].unique().map(lambda names: list(names[:2])).explode()
        shown = shown[shown["subcategory"].isin(types)].groupby("subcategory").head(few // 6)
        images = images.sel(image=sorted(shown.index))
        trials = trials[trials["image"].isin(shown.index)]
    kind, unit = images["category"], images["subcategory"]
    recognised = mf.scores.from_trials(trials, truth="truth", response="response")
    scores = recognised[list(called)].to_dataframe()[list(called)]
    # published to four digits
    published = mf.datasets.table("rocks480", "Exp1_New").sel(image=list(scores.index))
    for name in ("hit_rate", "false_alarm_rate"):
        assert np.allclose(scores[name], published[name], atol=6e-5)
    assert images.sizes["image"] == (6 * (few // 6) if few else 480)
    assert few or len(scores) == 240
else:
    images = mf.images.read(folder, scores=table)
    if grouping not in images:
        sys.exit(f"Set MEMFEAT_CATEGORY to the column of {table} that says which set each photograph belongs to.")
    measured = [name for name in dict.fromkeys([column, "false_alarm_rate"]) if name == column or name in images]
    values = images[[*measured, grouping]].to_dataframe()[[*measured, grouping]]
    usable = (images["status"] == "ok").values & (values.notna() & (values != "")).all(axis=1).to_numpy()
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score or set, and are left out")
    images = images.isel(image=usable).isel(image=slice(few or None))
    kind, unit = images[grouping].astype(str), None
    sizes = kind.to_series().value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = sorted(sizes[sizes >= folds].index[:3])
    if len(kept) < 2:
        sys.exit(f"There must be two sets of {folds} photographs; {grouping} has {sizes.to_dict()}.")
    compared = kind.isin(kept).values
    print(f"{(~compared).sum()} photographs of {len(sizes) - len(kept)} smaller sets are left out")
    images, kind = images.isel(image=compared), kind.isel(image=compared)
    scores = images[measured].to_dataframe()[measured]
assert mf.images.ledger(images).empty
scores = scores.rename(columns=called)
names, sets = list(scores), sorted(np.unique(kind))
about = pd.DataFrame({"kind": kind.to_series(), "type": kind.to_series() if unit is None else unit.to_series()})
counted = about.rename_axis("image").reset_index().groupby("kind")
print(counted.agg(types=("type", "nunique"), photographs=("image", "nunique")).to_string())

# %% [markdown]
# ## Memory
#
# Whole types change places between kinds, or photographs of your own between sets; p is corrected over contrasts and
# scores by the largest statistic of each rearrangement.

# %%
memory = scores.join(about).rename_axis("image").reset_index()
assert memory.notna().all(axis=None)
draws = {"n_permutations": 199 if few else 9_999, "n_bootstraps": 99 if few else 2_000, "rng": 0}
clusters = {"clusters": "type"} if named else {}
remembered = mf.sets.compare(memory, by="kind", values=names, **clusters, **draws)
assert remembered.attrs["unit"] == ("clusters" if named else "images")
by_score = remembered if "score" in remembered.dims else remembered.expand_dims(score=names)
sizes = memory.groupby("kind").size()
assert by_score["n"].values.tolist() == sizes.tolist()

# %%
parts = ["n", "n_units", "mean", "mean_ci_low", "mean_ci_high"]
print(by_score[parts].to_dataframe().reset_index("score")[["score", *parts]].round(3).to_string())

# %% [markdown]
# Once by hand: the means, and the first difference, which is the image-weighted one.

# %%
by_hand = memory.groupby("kind")[names].mean()
assert np.allclose(by_score["mean"].transpose("set", "score"), by_hand)
first = by_score["estimate"].sel(statistic="mean_difference", contrast=f"{sets[0]} − {sets[1]}")
assert np.allclose(first, by_hand.loc[sets[0]] - by_hand.loc[sets[1]])

# %% [markdown]
# Half a violin, a box and a dot for each photograph; diamonds are means with their 95 % intervals. Differences stand in
# the table further below.

# %%
with plt.rc_context(mf.plot.STYLE):
    size = (180 / 25.4, (25 + 17 * len(sets)) / 25.4)
    figure, panels = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, name in zip(panels[0], names, strict=True):
        mf.plot.sets(
            by_score.sel(score=name), memory, by="kind", label=name if name == "d′" else name.capitalize(), ax=ax
        )
        ax.set_title("", loc="left")
    units = f"{len(about['type'].unique())} types" if named else "photographs"
    figure.supxlabel(f"n = {len(memory)} images, a dot each; diamond: mean, 95 % interval over {units}", fontsize=6.5)
mf.plot.save(figure, figures / "05_three_kinds", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Layers
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space; all 480
# photographs. Two questions about each layer. Are two sets drawn from one distribution (maximum mean discrepancy, MMD)?
# And could a classifier tell the kinds of rocks apart whose *types* it has never seen (the types of a kind are spread
# over five folds and held out as a whole; of your own, photographs are)? The second is the harder one: granite may look
# unlike marble without igneous rocks looking unlike metamorphic ones. p is corrected over layers by the largest
# statistic, and multiplied by the number of contrasts.

# %%
layers = ["features.layer[1-4].*", "features.avgpool"]
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
own_store = "own_frozen.zarr" if backbone == "released" else f"own_frozen_{backbone}.zarr"
network = mf.models.load("resmem-frozen", backbone=backbone)
store = results / ("02_rocks480_frozen.zarr" if named else own_store)
seen = mf.extract(images, model=network, layers=layers, store=store).load()
assert (len(seen.data_vars), seen.sizes["image"]) == (51, images.sizes["image"])
whole = {"blocks": unit, "permute": "whole"} if named else {}
options = {"statistics": ["mmd", "classifier"], "n_permutations": 99 if few else 999, "rng": 0}
apart = mf.sets.compare_features(seen, kind, folds=folds, **options, **whole)
pairs = [(one, other) for k, one in enumerate(sets) for other in sets[k + 1 :]]
contrasts = [f"{one} and {other}" for one, other in pairs]
by_contrast = apart if "contrast" in apart.dims else apart.expand_dims(contrast=contrasts)
assert by_contrast["contrast"].values.tolist() == contrasts
assert apart.attrs.get("permute", "free") == ("whole" if named else "free")

# %% [markdown]
# Once by hand, for the last block: the squared MMD of the first two sets, without pairs of a photograph with itself.
# The width of the kernel is the median distance between any two photographs.

# %%
last = "features.layer4.2"
values = seen[last].transpose("image", ...).values.astype(float)
gaps = pdist(values)
kernel = np.exp(-(squareform(gaps) ** 2) / (2 * np.median(gaps) ** 2))
one, other = (np.flatnonzero(kind.sel(image=seen["image"]) == name) for name in sets[:2])
inside = [(kernel[np.ix_(own, own)].sum() - len(own)) / (len(own) * (len(own) - 1)) for own in (one, other)]
by_hand = sum(inside) - 2 * kernel[np.ix_(one, other)].mean()
found = by_contrast["estimate"].sel(statistic="mmd", layer=last, contrast=contrasts[0])
assert np.isclose(found, by_hand, rtol=1e-4, atol=1e-6)

# %% [markdown]
# Each column is a pair of sets. Dashed, in the upper row, is the mean when types (or photographs of your own) change
# places between sets; in the lower row it is 0, which is what the squared MMD is on average when both sets are drawn
# from one distribution.

# %%
rows, counts = {"classifier": "Classifier, AUC", "mmd": "Squared MMD"}, kind.to_series().value_counts()
with plt.rc_context(mf.plot.STYLE):
    size = (180 / 25.4, 125 / 25.4)
    figure, panels = plt.subplots(2, len(pairs), figsize=size, sharey="row", squeeze=False, layout="constrained")
    for line, (statistic, label) in zip(panels, rows.items(), strict=True):
        for ax, (left, right) in zip(line, pairs, strict=True):
            result = by_contrast.sel(statistic=statistic, contrast=f"{left} and {right}")
            mf.plot.layer_profile(result, label=label, ax=ax)
            ax.set_title(f"{left} (n = {counts[left]}),\n{right} (n = {counts[right]})", loc="left", fontsize=7)
            ax.label_outer()
    figure.supxlabel(f"filled: p < .05, corrected over 51 layers and {len(pairs)} contrasts", fontsize=6.5)
mf.plot.save(figure, figures / "05_three_kinds_layers", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## One table
#
# Differences of means with 95 % intervals for memory; for layers, the last block of each stage of the network. An
# asterisk marks a corrected p below .05: over contrasts and scores for memory, over layers and contrasts for layers.

# %%


def starred(text, p):
    return f"{text}{'*' if p < 0.05 else ''}"


ends = ["features.layer1.2", "features.layer2.7", "features.layer3.35", last]
columns = {}
for name, (left, right) in zip(contrasts, pairs, strict=True):
    cells = {}
    for score in names:
        cell = by_score.sel(score=score, contrast=f"{left} − {right}", statistic="mean_difference")
        value = f"{cell['estimate']:+.3f} [{cell['ci_low']:+.3f}, {cell['ci_high']:+.3f}]"
        cells["memory", score] = starred(value, cell["p_corrected"])
    for layer in ends:
        for statistic, digits in (("classifier", 2), ("mmd", 3)):
            cell = by_contrast.sel(layer=layer, contrast=name, statistic=statistic)
            short = {"classifier": "AUC", "mmd": "MMD²"}[statistic]
            key = short, layer.removeprefix("features.")
            cells[key] = starred(f"{cell['estimate']:.{digits}f}", cell["p_corrected"])
    columns[name] = cells
print(pd.DataFrame(columns).sort_index(level=0, sort_remaining=False, kind="stable").to_string())

# %% [markdown]
# ## In words
#
# What methods and results sections of a paper would say, written from what the results say about themselves.

# %%
told = mf.sets.paragraph(remembered, apart, statistics=["mean_difference", "mmd", "classifier"])
for part in told.split("\n\n"):
    print("\n".join(textwrap.fill(line, 100) for line in part.splitlines()), end="\n\n")

# %% [markdown]
# ## The answer

# %%
for name in contrasts:
    for statistic in rows:
        one = by_contrast.sel(contrast=name, statistic=statistic)
        most = one.isel(layer=int(one["estimate"].argmax("layer")))
        print(
            f"{name}, {statistic}: most in {most['layer'].item()}, {most['estimate']:.3f}, corrected p = "
            f"{most['p_corrected']:.3f}; smallest corrected p of 51 layers {one['p_corrected'].min():.3f}"
        )

# %% [markdown]
# **No difference in memory passes the correction**: hit rates are .61, .62 and .58, and the largest difference of all
# rates, that of false-alarm rates between metamorphic (.57) and sedimentary rocks (.50), is .068 [.013, .122],
# corrected p = .12. Intervals of the differences of hit rates reach from −.07 to .09: with ten types of each kind, this
# says that large differences are unlikely, and not that there are none.
#
# **The photographs differ from early on.** Igneous and sedimentary rocks are not of one distribution in the last
# blocks of all four stages (squared MMD .07 in the first, .03 in the last), and a classifier tells metamorphic from
# sedimentary rocks of types that it has never seen (AUC up to .83, in the third stage). Igneous and metamorphic rocks
# differ in no layer beyond what ten types of each show by chance. Whoever shows all three kinds shows pictures that
# differ, whatever memory does.
#
# Neither published study is about rocks, so there is no figure to agree with or to differ from. Theirs are differences
# in memory that go with what pictures look like; here pictures differ, and memory is not seen to.

# %% [markdown]
# Each figure above, at the digits in which it is given there, and what is said of tests: that keeps prose and outputs
# together.

# %%
if named and not few:
    differences = by_score.sel(statistic="mean_difference")
    assert (differences["p_corrected"] > 0.05).all()
    rates_only = np.abs(differences["estimate"].sel(score=names[:2]))
    old = differences.sel(contrast="metamorphic − sedimentary", score="false-alarm rate")
    assert rates_only.max() == np.abs(old["estimate"])
    of_hits, means = differences.sel(score="hit rate"), by_score["mean"]
    p = by_contrast["p_corrected"]
    assert (p.sel(statistic="mmd", contrast=contrasts[1], layer=ends) < 0.05).all()
    assert (p.sel(contrast=contrasts[0]) > 0.05).all()
    auc = by_contrast.sel(statistic="classifier", contrast=contrasts[2])
    best = auc.isel(layer=int(auc["estimate"].argmax("layer")))
    assert best["layer"].item().startswith("features.layer3.")
    assert best["p_corrected"] < 0.05
    distant = by_contrast["estimate"].sel(statistic="mmd", contrast=contrasts[1])
    checked = {
        "hit rate, igneous": (means.sel(score="hit rate", set="igneous"), "0.61"),
        "hit rate, metamorphic": (means.sel(score="hit rate", set="metamorphic"), "0.62"),
        "hit rate, sedimentary": (means.sel(score="hit rate", set="sedimentary"), "0.58"),
        "false alarms, metamorphic": (means.sel(score="false-alarm rate", set="metamorphic"), "0.57"),
        "false alarms, sedimentary": (means.sel(score="false-alarm rate", set="sedimentary"), "0.50"),
        "false alarms, difference": (old["estimate"], "0.068"),
        "false alarms, difference, from": (old["ci_low"], "0.013"),
        "false alarms, difference, to": (old["ci_high"], "0.122"),
        "false alarms, p": (old["p_corrected"], "0.12"),
        "hit rates, lowest": (of_hits["ci_low"].min(), "-0.07"),
        "hit rates, highest": (of_hits["ci_high"].max(), "0.09"),
        "MMD, first": (distant.sel(layer=ends[0]), "0.07"),
        "MMD, last": (distant.sel(layer=last), "0.03"),
        "AUC": (best["estimate"], "0.83"),
    }
    digits = {name: len(shown.partition(".")[2]) for name, (_, shown) in checked.items()}
    shown_as = {name: f"{float(found):.{digits[name]}f}" for name, (found, _) in checked.items()}
    wrong = {name: shown_as[name] for name, (_, shown) in checked.items() if shown_as[name] != shown}
    assert not wrong, wrong

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = []
for name, found in {"remembered": remembered, "apart": apart}.items():
    renamed = found.rename({old: f"{name}_{old}" for old in {*found.variables, *found.dims}})
    renamed.attrs = {f"{name}_{key}": value for key, value in found.attrs.items()}
    saved.append(renamed)
results.mkdir(parents=True, exist_ok=True)
xr.merge(saved, combine_attrs="no_conflicts").to_netcdf(results / "05_three_kinds.nc", engine="h5netcdf")
