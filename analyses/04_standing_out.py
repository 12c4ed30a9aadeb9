# %% [markdown]
# # What does a layer say about one image, and is that what people notice and remember?
#
# A layer's features of one image can be summed up in one number: how strongly the layer responds, how far the image
# lies from others, how typical it is. Three questions about 51 layers of a network: do people call those rocks
# distinctive that lie far from others in a layer? Are typical rocks recognised more often, or taken for known more
# often, or both? And do photographs that a layer responds to strongly stay in memory, beyond what the same network
# untrained and low-level statistics say?
#
# **Data.** Neither set comes with memfeat; their authors give them out. `MEMFEAT_DATA` must name a folder that holds
# both:
#
# - `rocks480/`: 480 photographs of rocks, 16 of each of 30 kinds (Nosofsky et al., 2018), with rated distinctiveness
#   (Meagher & Nosofsky, 2023), and the trials in which people recognised 240 of them (of 2025; no publication found;
#   repository DaniilAzarov123/Rocks_Memorability);
# - `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates and those of 25 random
#   halvings of the participants (Lu et al., 2020).
#
# Or your own photographs: set `MEMFEAT_PHOTOS` to a folder, `MEMFEAT_SCORES` to a CSV with a column `image`, and
# `MEMFEAT_COLUMN` to its column of scores (`hit_rate` if you do not). They take the place of the rocks' ratings, of the
# rates of recognition and of the outdoor photographs' hit rates. A column `false_alarm_rate`, one of categories
# (`category`, or what `MEMFEAT_CATEGORY` says), and columns `half1_…` and `half2_…`, scores by two halves of the
# participants, are used where they are. Photographs that cannot be read, have no score or no category, or are the only
# one of their category, are left out and counted. `MEMFEAT_BACKBONE` names the weights of the network for your own:
# `released` if you do not set it; `imagenet`, which were not retrained on memorability, for an analysis that you
# publish.
#
# **Time.** Two minutes on one core after the notebooks before this one, which leave their features in the same stores;
# ten minutes more without them. With `MEMFEAT_IMAGES` set to a number, only about so many images of each set are used:
# enough to see that it runs, and for nothing else.
#
# **What was published.** Jaegle et al. (2019, *eLife*) found that populations of neurons in the inferior temporal
# cortex of monkeys respond more strongly to memorable images, and networks that were trained to name objects do in
# their higher layers (from the abstract); that it rises from layer to layer, r = .68 in the cortex for 107 images, and
# nothing in networks with random weights are recalled, not checked against the paper. Lin, Li, Lafferty and Yildirim
# (2024, *Nature Human Behaviour*) relate memorability of 2,222 photographs to the distance from the nearest neighbour
# in a VGG-16, r = .36 [.32, .40] in the fifth layer, and to the error of a sparse reconstruction, .29 [.26, .33] in the
# seventh; the error adds .16 [.11, .20] to the distance (read in the authors' notebook; rank correlations recomputed
# from their tables rise from .14 to .35 and from .15 to .34 between the first and the fifth layer). Bylinskii et al.
# (2015) estimate contextual distinctiveness as here (read in the authors' code), and find that distinct images are
# remembered better (recalled, not checked against the paper). Kramer, Hebart, Baker and Bainbridge (2023, *Science
# Advances*) find a mixed relation of memorability to how typical a concept of an object is, with a slight bias towards
# prototypical ones (from the abstract); over 1,619 pairs of a concept and its category, rated typicality and
# memorability correlate by *r* = −.001 (recomputed from tables of their laboratory, as in notebook 7).
#
# **What this is worth.** Intervals and p-values are about images: other kinds of rock, other outdoor photographs, and
# this one network. Its weights were trained to predict memorability, on photographs of other sets: what goes with
# memory may have been learnt there. The untrained network is one draw of random weights. Features are means over
# space, which is what the other notebooks kept: the magnitude of these is not that of all units. Intervals are
# expanded percentiles of bootstrap samples, 95 %; how often such intervals hold the truth is measured in the
# documentation, "How it was validated".

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
from scipy.stats import rankdata, spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, grouping = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), os.environ.get("MEMFEAT_CATEGORY", "category")
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
named = folder is None
if named and not all((data / name).is_dir() for name in ("rocks480", "lnsim")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds rocks480 and lnsim, which memfeat may not ship, or MEMFEAT_PHOTOS "
        "and MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}
bootstrap = {"n_bootstraps": draws["n_bootstraps"], "rng": 0}

# %% [markdown]
# ## What people said, and what they remembered
#
# Rocks have ratings, and the 240 that were shown in the experiment have rates; everything is matched by name. Rocks
# come in kinds, which differ. So whole kinds change places for p, and whole kinds are drawn again for intervals.
# Categories of your own may differ in size, and cannot change places. So they are taken out of the ranks of both sides
# of every correlation below, which then is a partial one, and photographs change places, and are drawn again, inside
# their category.

# %%
called = {"hit_rate": "hit rate", "false_alarm_rate": "false-alarm rate"}
if named:
    rocks, photos = mf.datasets.load("rocks480"), mf.datasets.load("lnsim")
    if few:
        chosen = rocks["image"].to_series().groupby(rocks["subcategory"].to_series()).head(2)
        rocks, photos = rocks.sel(image=sorted(chosen[:few])), photos.isel(image=slice(few))
    kind, judged, said = rocks["subcategory"], rocks["distinctiveness"], "rated distinctiveness"
    n_kinds = len(np.unique(kind))
    trials = mf.datasets.trials("rocks480")
    trials = trials[(trials["experiment"] == "Exp1_New") & trials["image"].isin(rocks["image"].values)]
    rates = mf.scores.from_trials(trials, truth="truth", response="response")[list(called)].to_dataframe()[list(called)]
    # published to four digits
    published = mf.datasets.table("rocks480", "Exp1_New").sel(image=list(rates.index))
    assert np.allclose(rates, published[list(called)].to_dataframe()[list(called)], atol=6e-5)
    hits, halves = photos["hit_rate"], mf.datasets.table("lnsim", "halves")["hit_rate"].sel(image=photos["image"])
    if not few:
        assert (rocks.sizes["image"], n_kinds, len(rates), photos.sizes["image"]) == (480, 30, 240, 800)
else:
    own = mf.images.read(folder, scores=table)
    measured = [name for name in dict.fromkeys([column, "false_alarm_rate"]) if name == column or name in own]
    needed = [*measured, *([grouping] if grouping in own else [])]
    values = own[needed].to_dataframe()[needed]
    usable = (own["status"] == "ok").values & (values.notna() & (values != "")).all(axis=1).to_numpy()
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score, and are left out")
    own = own.isel(image=usable).isel(image=slice(few or None))
    kind = None
    if grouping in own:
        of = own[grouping].to_series()
        alone = (of.map(of.value_counts()) < 2).to_numpy()
        print(f"{alone.sum()} photographs are the only one of their category, and are left out")
        own = own.isel(image=~alone)
        kind = own[grouping].astype(str) if len(np.unique(own[grouping])) > 1 else None
    n_kinds = 1 if kind is None else len(np.unique(kind))
    rocks = photos = own
    rates = own[measured].to_dataframe()[measured]
    judged = hits = own[column]
    said, halves = column.replace("_", " "), None
    if any(str(name).startswith("half1_") for name in own.data_vars):
        halves = mf.scores.read_halves(table, name=column).sel(image=own["image"])
for images in (rocks, photos):
    assert mf.images.ledger(images).empty
rates = rates.rename(columns=called)
assert rates.notna().all(axis=None)
n_rocks, n_photos = rocks.sizes["image"], photos.sizes["image"]
print(f"{n_rocks} photographs of {n_kinds} kind{'s' if n_kinds > 1 else ''}, of which {len(rates)} have rates")
both_rates = rates.corr(method="spearman").iloc[0, -1]
if len(rates.columns) > 1:
    print(f"ρ of {' and '.join(rates)}: {both_rates:+.2f}")

# %% [markdown]
# How images may change places, in all that follows, for those of kinds and for those of none.

# %%
coded = None
if kind is None:
    of_kinds, of_shown, single = {}, {}, {}
elif named:
    of_kinds = {"blocks": kind, "permute": "whole"}
    of_shown, single = {"blocks": kind.sel(image=list(rates.index)), "permute": "whole"}, {}
else:
    coded = pd.get_dummies(kind.to_series(), dtype=float, drop_first=True).rename_axis(index="image")
    of_kinds = of_shown = single = {"covariates": coded, "blocks": kind, "permute": "within"}


def by_hand(measure, scores):
    """Correlate ranks, less the means of categories where these are taken out."""
    both = pd.DataFrame({"measure": measure.to_series(), "scores": scores.to_series()}).dropna().rank()
    if coded is not None:
        both -= both.groupby(kind.to_series()).transform("mean")
    return both.corr().iloc[0, 1]


def about(result):
    """Say what the intervals of a result are about."""
    over = f"bootstrap over {n_kinds} kinds, 95 %" if named else result.attrs.get("interval", "")
    return result.assign_attrs(interval=over)


# %% [markdown]
# ## Six ways to stand out
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space. Studies
# have called distinctive what lies far from its nearest neighbour, from a few neighbours, or from all other images on
# average, and found signs that differ. So all three are taken, from the same distances. Three more ask how far it is to
# the mean of all others (eccentricity), how unlikely an image is where the layer is reduced to ten components
# (contextual distinctiveness, −log p), and how much of it ten components of the others leave over (reconstruction
# error). No image is compared with itself. Only the ten components of contextual distinctiveness are found with all
# images, the one in question among them.
#
# p is corrected over the 51 layers by the largest statistic of each permutation, for each of the six by itself.

# %%
layers = ["features.layer[1-4].*", "features.avgpool"]
first, last = "features.layer1.0", "features.layer4.2"
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
networks = {
    "trained": mf.models.load("resmem-frozen", backbone=backbone),
    "untrained": mf.models.load("resmem-frozen", backbone="random", rng=0),
}
own_trained = "own_frozen" if backbone == "released" else f"own_frozen_{backbone}"
stores = {
    "rocks": "02_rocks480_frozen" if named else own_trained,
    "trained": "02_lnsim_frozen" if named else own_trained,
    "untrained": "03_lnsim_random" if named else "own_random",
}
stores = {name: results / f"{store}.zarr" for name, store in stores.items()}
seen = mf.extract(rocks, model=networks["trained"], layers=layers, store=stores["rocks"]).load()
assert (len(seen.data_vars), seen.sizes["image"]) == (51, n_rocks)
apart = {
    "distance from nearest neighbour": mf.measures.distinctiveness(seen, kind="nearest"),
    "distance from 5 neighbours": mf.measures.distinctiveness(seen, kind="k_nearest", k=5),
    "distance from all others": mf.measures.distinctiveness(seen, kind="mean"),
    "eccentricity": mf.measures.eccentricity(seen),
    "contextual distinctiveness": mf.measures.contextual_distinctiveness(seen),
    "reconstruction error": mf.measures.reconstruction_error(seen),
}
noticed = {name: mf.measures.profile(measure, judged, **draws, **of_kinds) for name, measure in apart.items()}

# %% [markdown]
# Once by hand, for the last block.

# %%
gaps = squareform(pdist(seen[last].transpose("image", ...).values.astype(float)))
np.fill_diagonal(gaps, np.inf)
nearest = xr.DataArray(gaps.min(axis=0), {"image": seen["image"].values}, "image")
estimate = noticed["distance from nearest neighbour"]["estimate"].sel(layer=last)
assert np.isclose(estimate, by_hand(nearest, judged), atol=1e-3)
for result in noticed.values():
    assert (result["n"] == n_rocks).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()
    assert result.attrs["permute"] == of_kinds.get("permute", "free")

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(3, 2, figsize=(180 / 25.4, 170 / 25.4), sharey=True, layout="constrained")
    for ax, (name, result) in zip(panels.T.flat, noticed.items(), strict=True):
        mf.plot.layer_profile(about(result), ax=ax, label="Spearman ρ")
        caption = " ".join(ax.get_title("left").split())
        ax.set_title(name.capitalize(), loc="left", fontsize=7)
        ax.label_outer()
    # what is the same in all panels is said once
    figure.supxlabel(f"ρ with {said}; {caption}", fontsize=6.5)
mf.plot.save(figure, figures / "04_standing_out", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# Does it matter which of the three distances? In the last block of each stage, in the same samples:

# %%
ends = [f"features.layer{stage}" for stage in ("1.2", "2.7", "3.35", "4.2")]
which = mf.measures.contrast(
    apart["distance from nearest neighbour"][ends],
    judged,
    baselines={"all others": apart["distance from all others"][ends]},
    against="all others",
    **bootstrap,
    **of_kinds,
)
columns = ["estimate", "ci_low", "ci_high", "p_corrected"]
print(which[columns].to_dataframe()[columns].round(3).to_string())
assert which.sizes["contrast"] == 4

# %% [markdown]
# ## Typical ones
#
# How typical an image is to a layer: how well its features correlate with those of the others of its kind, on average
# (of the whole set, where there are no kinds). Somebody who has seen many typical rocks may call another one old,
# whether it is or not. So hit and false-alarm rates are two questions; p is corrected over both and the layers.

# %%
typical = mf.measures.typicality(seen, groups=kind).sel(image=list(rates.index))
remembered = mf.measures.profile(typical, rates, **draws, **of_shown)
if "score" not in remembered.dims:
    remembered = remembered.expand_dims(score=list(rates), axis=-1)
assert dict(remembered["estimate"].sizes) == {"layer": 51, "score": len(rates.columns)}
for name in rates:
    assert np.isclose(
        remembered["estimate"].sel(layer=last, score=name), by_hand(typical[last], rates[name].to_xarray())
    )

# %%
with plt.rc_context(mf.plot.STYLE):
    size = (180 / 25.4, (62 * len(rates.columns) + 8) / 25.4)
    shape = {"squeeze": False, "width_ratios": [2, 1], "sharex": "col"}
    figure, panels = plt.subplots(len(rates.columns), 2, figsize=size, layout="constrained", **shape)
    for (profile, points), name in zip(panels, rates, strict=True):
        mf.plot.layer_profile(about(remembered.sel(score=name)), ax=profile, label="Spearman ρ")
        caption = " ".join(profile.get_title("left").split())
        profile.set_title(f"Typicality with {name}", loc="left", fontsize=7)
        points.plot(typical[last], rates.loc[typical["image"].values, name], "o", color="#0072B2", alpha=0.4)
        points.set_title(f"n = {len(rates)} images, a dot each", loc="left", fontsize=7)
        points.set_xlabel(f"Typicality in {last.removeprefix('features.')}")
        points.set_ylabel(name.capitalize())
    for ax in panels[:-1].flat:
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    figure.supxlabel(caption, fontsize=6.5)
mf.plot.save(figure, figures / "04_standing_out_typical", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# In the last block, is it one more than the other? The difference of two correlations of the same typicality: turned
# round, with rates as the layers of a measure and typicality as the score.

# %%
more = None
if len(rates.columns) > 1:
    as_layers = xr.Dataset({name: ("image", rates[name].to_numpy()) for name in rates}, {"image": list(rates.index)})
    more = mf.measures.contrast(as_layers, typical[last], **bootstrap, **of_shown)
    print(more[columns].to_dataframe()[columns].round(3).to_string())
    assert np.isclose(more["first_estimate"], remembered["estimate"].sel(layer=last).isel(score=0))

# %% [markdown]
# ## How strongly a layer responds
#
# The length of a layer's response to each photograph, in the trained and in the untrained network, and low-level
# statistics of the photograph itself. All are correlated with scores in the same samples. Values relative to the
# reliability of the scores, from halves of the participants, say how large correlations would be without noise in
# the scores. Statistics that are the same for all photographs of your own, or that one of them does not have, are left
# out.

# %%
strength = {
    name: mf.measures.magnitude(mf.extract(photos, model=model, layers=layers, store=stores[name]))
    for name, model in networks.items()
}
statistics = mf.lowlevel.statistics(photos)[["luminance", "rms_contrast", "edge_density", "colourfulness"]]
statistics = statistics.reset_coords(drop=True)
constant = [name for name, one in statistics.data_vars.items() if one.isnull().any() or one.min() == one.max()]
statistics = statistics.drop_vars(constant)
beside = [str(name) for name in statistics.data_vars]
print(f"low-level statistics: {', '.join(beside)}; left out: {', '.join(constant) or 'none'}")
assert not (named and constant)

# %%
baselines = {"untrained": strength["untrained"]} | {name: statistics[name] for name in beside}
options = {} if halves is None else {"reliability": halves}
strong = mf.measures.profile(strength["trained"], hits, baselines=baselines, **options, **draws, **single)
assert strong.sizes["layer"] == 2 * 51 + len(beside)
assert np.isclose(strong["estimate"].sel(layer=last), by_hand(strength["trained"][last], hits))
if named:
    splits = halves.transpose("split", "half", "image").values
    agreement = np.mean([spearmanr(*split).statistic for split in splits])
    reliability = 2 * agreement / (1 + agreement)
    assert np.isclose(strong["reliability"], reliability, atol=1e-6)
    assert np.allclose(strong["estimate_relative"], strong["estimate"] / np.sqrt(reliability))
taken_out = statistics.to_dataframe()
# of few photographs too many samples would leave nothing to correlate: there are no intervals then
limits = draws if n_photos >= 100 else draws | {"n_bootstraps": 0}
given = mf.measures.profile(
    strength["trained"],
    hits,
    baselines={"untrained": strength["untrained"]},
    **limits,
    **single | {"covariates": taken_out if coded is None else taken_out.join(coded)},
)
basis = np.column_stack([np.ones(n_photos), rankdata(taken_out, axis=0)])
if coded is None:
    both = np.column_stack([rankdata(one.sel(image=photos["image"])) for one in (strength["trained"][last], hits)])
    left = both - basis @ np.linalg.lstsq(basis, both, rcond=None)[0]
    assert np.isclose(given["estimate"].sel(layer=last), np.corrcoef(left.T)[0, 1])

# %% [markdown]
# Is it training that makes the difference? Each stage's last block against the same block untrained, in the same
# samples.

# %%
untrained = {"baselines": {"untrained": strength["untrained"]}, "against": "untrained"}
trained = mf.measures.contrast(strength["trained"][ends], hits, **untrained, **bootstrap, **single)
print(trained[columns].to_dataframe()[columns].round(3).to_string())
assert trained["second"].values.tolist() == [f"untrained: {name}" for name in ends]

# %% [markdown]
# Above: the profile of the trained network with that of the untrained one, and each statistic by itself. Below: the
# same profiles with the statistics taken out, and how much more the trained network's blocks say than the untrained
# one's.

# %%
side = {
    "Statistics by themselves": (strong.sel(layer=beside), [name.replace("_", " ") for name in beside]),
    "Trained less untrained": (trained, [name.removeprefix("features.") for name in ends]),
}
profiles = {
    f"Response magnitude with {'hit rates' if named else said}": strong.sel(
        layer=strong["kind"].isin(["measure", "untrained"])
    ),
    f"The same given {len(beside)} low-level statistics": given,
}
with plt.rc_context(mf.plot.STYLE):
    shape = {"width_ratios": [2.2, 1], "layout": "constrained"}
    figure, panels = plt.subplots(2, 2, figsize=(180 / 25.4, 140 / 25.4), **shape)
    captions = []
    for ax, (title, result) in zip(panels[:, 0], profiles.items(), strict=True):
        mf.plot.layer_profile(result, ax=ax, label="Spearman ρ" if result is not given else "Partial Spearman ρ")
        captions.append(" ".join(ax.get_title("left").split()))
        ax.set_title(title, loc="left", fontsize=7)
    for ax, (title, (result, names)) in zip(panels[:, 1], side.items(), strict=True):
        passed, place = (result["p_corrected"] < 0.05).values, np.arange(len(names))
        ax.axhline(0, color="0.5", linewidth=0.7, linestyle="--")
        ax.vlines(place, result["ci_low"], result["ci_high"], color="#0072B2", linewidth=1)
        for these, face in ((passed, "#0072B2"), (~passed, "white")):
            ax.plot(place[these], result["estimate"].values[these], "o", color="#0072B2", markerfacecolor=face)
        ax.set_xticks(place, names, rotation=90)
        ax.set_xlim(-0.6, len(names) - 0.4)
        ax.set_ylabel("Spearman ρ" if result is not trained else "Difference of two ρ")
        ax.set_title(title, loc="left", fontsize=7)
    lows, highs = zip(*(ax.get_ylim() for ax in panels[0]), strict=True)
    plt.setp(panels[0], ylim=(min(lows), max(highs)))
    caption = captions[0].replace("broken lines and pale bands: baselines", "broken line, pale band: untrained")
    caption = caption.replace("band: 95", "band, bars: 95")
    figure.supxlabel(textwrap.fill(caption, 140), fontsize=6.5)
mf.plot.save(figure, figures / "04_standing_out_strength", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# Is there more to find in the last block than in the first? The same two measures, in the same samples:

# %%
rise = {
    "distance from nearest neighbour": mf.measures.contrast(
        apart["distance from nearest neighbour"][[first, last]], judged, against=first, **bootstrap, **of_kinds
    ),
    "magnitude": mf.measures.contrast(strength["trained"][[first, last]], hits, against=first, **bootstrap, **single),
}
for name, found in rise.items():
    print(name)
    print(found[["first_estimate", "second_estimate", *columns]].to_dataframe().round(3).to_string(index=False))
    assert found["first"].item() == last

# %% [markdown]
# ## The answer

# %%


def strongest(result):
    """Give the layer of a profile with the largest absolute correlation."""
    return result.isel(layer=int(np.abs(result["estimate"]).argmax("layer")))


def told(found):
    limits = f" [{found['ci_low']:+.3f}, {found['ci_high']:+.3f}]" if "ci_low" in found else ""
    return f"{found['layer'].item()}, ρ = {found['estimate']:+.3f}{limits}, corrected p = {found['p_corrected']:.4f}"


for name, result in noticed.items():
    print(f"{said.capitalize()} and {name}, {n_rocks} photographs: strongest in {told(strongest(result))}")
    print(f"    in the last block: {told(result.sel(layer=last))}")
for name in rates:
    most = told(strongest(remembered.sel(score=name)))
    print(f"{name.capitalize()} and typicality, {len(rates)} photographs: strongest in {most}")
own_layers, plain = (strong.sel(layer=strong["kind"] == kind) for kind in ("measure", "untrained"))
print(f"Magnitude, {n_photos} photographs: strongest in {told(strongest(own_layers))}")
if "estimate_relative" in strong:
    print(f"    in the last block, without noise in the scores: {strong['estimate_relative'].sel(layer=last):+.3f}")
third = own_layers.sel(layer=[name for name in own_layers["layer"].values if name.startswith("features.layer3.")])
for what, at in (("most", third["estimate"].argmax("layer")), ("least", third["estimate"].argmin("layer"))):
    print(f"    {what} in the third stage: {told(third.isel(layer=int(at)))}")
print(f"the same untrained: strongest in {told(strongest(plain))}")
for name in beside:
    print(f"{name}: {told(strong.sel(layer=name))}")

# %% [markdown]
# **People call those rocks distinctive that lie far from their neighbours in late layers** (ρ = .32 from the nearest,
# .34 from five, in the last block), **and of which components of the other rocks leave much over** (.36). The nearest
# neighbour tells more in the last block than in the first (.12; a difference of .20 [.07, .34]). The distance from all
# others says nothing in the first block (−.02) and .21 in the last; eccentricity orders rocks the same way (.19 in the
# last). The nearest says more than all others at the end of the first stage (by .14 [.04, .23], corrected p = .014); in
# the last block the difference of .11 [.02, .20] does not pass (p = .053). Contextual distinctiveness does not pass the
# correction over layers (.18, corrected p = .09). Lin et al. and Bylinskii et al. asked about memory: that late layers
# say more agrees with the former's tables, as far as ratings stand for it; notebooks 9 and 16 take hit rates.
#
# **Typical rocks are recognised more often (ρ up to .37), and still more often taken for known (up to .49)**: in the
# last block the two, .33 and .44, differ by .12 [.03, .20]. Typicality goes with saying "old", which is more than
# remembering. That differs from what was found for concepts of objects, where rated typicality says nothing about
# memorability (r = −.001). There typicality was rated, concepts were of 27 categories, and memorability had false
# alarms taken out; which of these makes the difference we cannot say.
#
# **Photographs that the last block responds to strongly are remembered** (ρ = .47 [.41, .53]; .51 without noise in the
# hit rates). That is more than in the first block (.04; by .43 [.34, .52]), and agrees with the higher layers of Jaegle
# et al.; but it does not rise from layer to layer: inside the third stage it falls to .01 before it reaches .17. The
# same network untrained is not seen to respond so in any layer (−.05 [−.12, .02] in the last block), which agrees with
# what is recalled of their random networks. Of the four low-level statistics contrast alone goes with hit rates (−.11
# [−.18, −.04]), and together they explain none of it (.50 [.44, .55] given them). The trained network was made to
# predict memorability: this shows that it does so by strong responses too, and not that every network does.

# %% [markdown]
# Each figure above, at the digits in which it is given there, and what is said of tests: that keeps prose and outputs
# together.

# %%
if named and not few:
    at_last = {name: result.sel(layer=last) for name, result in noticed.items()}
    near, five, far, eccentric, context, left_over = at_last.values()
    for result in (near, five, far, eccentric, left_over):
        assert result["p_corrected"] < 0.05
    for name in ("distance from all others", "eccentricity"):
        assert noticed[name]["p_corrected"].sel(layer=first) > 0.05
    assert (noticed["contextual distinctiveness"]["p_corrected"] > 0.05).all()
    assert spearmanr(apart["eccentricity"][last], apart["distance from all others"][last]).statistic > 0.95
    assert rise["distance from nearest neighbour"]["ci_low"] > 0
    assert rise["magnitude"]["ci_low"] > 0
    assert more["ci_high"] < 0
    assert strongest(own_layers)["layer"].item() == last
    assert not (plain["p_corrected"] < 0.05).any()
    assert given["estimate"].sel(layer=last) > strong["estimate"].sel(layer=last)
    alone = [name for name in beside if strong["p"].sel(layer=name) < 0.05]
    assert alone == ["rms_contrast"]
    at_first = {name: result["estimate"].sel(layer=first) for name, result in noticed.items()}
    low, high = (third["estimate"].min(), third["estimate"].max())
    assert third["estimate"].argmin("layer") < third["estimate"].argmax("layer")
    far_apart, up = (rise[name].squeeze() for name in ("distance from nearest neighbour", "magnitude"))
    early, late = which.isel(contrast=0), which.isel(contrast=3)
    assert early["p_corrected"] < 0.05 < late["p_corrected"]
    typically = remembered["estimate"]
    blank, contrast = (strong.sel(layer=name) for name in (f"untrained: {last}", "rms_contrast"))
    loud, partial = strong.sel(layer=last), given.sel(layer=last)
    checked = {
        "nearest": (near["estimate"], "0.32"),
        "five": (five["estimate"], "0.34"),
        "reconstruction error": (left_over["estimate"], "0.36"),
        "nearest, first block": (at_first["distance from nearest neighbour"], "0.12"),
        "nearest, last less first": (far_apart["estimate"], "0.20"),
        "nearest, last less first, from": (far_apart["ci_low"], "0.07"),
        "nearest, last less first, to": (far_apart["ci_high"], "0.34"),
        "all others, first block": (at_first["distance from all others"], "-0.02"),
        "all others": (far["estimate"], "0.21"),
        "eccentricity": (eccentric["estimate"], "0.19"),
        "nearest less all others, early": (early["estimate"], "0.14"),
        "nearest less all others, early, from": (early["ci_low"], "0.04"),
        "nearest less all others, early, to": (early["ci_high"], "0.23"),
        "nearest less all others, early, p": (early["p_corrected"], "0.014"),
        "nearest less all others": (late["estimate"], "0.11"),
        "nearest less all others, from": (late["ci_low"], "0.02"),
        "nearest less all others, to": (late["ci_high"], "0.20"),
        "nearest less all others, p": (late["p_corrected"], "0.053"),
        "contextual distinctiveness": (context["estimate"], "0.18"),
        "contextual distinctiveness, p": (context["p_corrected"], "0.09"),
        "typicality, hits": (typically.sel(score="hit rate").max(), "0.37"),
        "typicality, false alarms": (typically.sel(score="false-alarm rate").max(), "0.49"),
        "typicality, hits, last block": (typically.sel(score="hit rate", layer=last), "0.33"),
        "typicality, false alarms, last block": (typically.sel(score="false-alarm rate", layer=last), "0.44"),
        "typicality, difference": (-more["estimate"], "0.12"),
        "typicality, difference, from": (-more["ci_high"], "0.03"),
        "typicality, difference, to": (-more["ci_low"], "0.20"),
        "magnitude": (loud["estimate"], "0.47"),
        "magnitude, from": (loud["ci_low"], "0.41"),
        "magnitude, to": (loud["ci_high"], "0.53"),
        "magnitude, without noise": (loud["estimate_relative"], "0.51"),
        "magnitude, first block": (strong["estimate"].sel(layer=first), "0.04"),
        "magnitude, last less first": (up["estimate"], "0.43"),
        "magnitude, last less first, from": (up["ci_low"], "0.34"),
        "magnitude, last less first, to": (up["ci_high"], "0.52"),
        "magnitude, third stage, least": (low, "0.01"),
        "magnitude, third stage, most": (high, "0.17"),
        "untrained": (blank["estimate"], "-0.05"),
        "untrained, from": (blank["ci_low"], "-0.12"),
        "untrained, to": (blank["ci_high"], "0.02"),
        "contrast": (contrast["estimate"], "-0.11"),
        "contrast, from": (contrast["ci_low"], "-0.18"),
        "contrast, to": (contrast["ci_high"], "-0.04"),
        "given statistics": (partial["estimate"], "0.50"),
        "given statistics, from": (partial["ci_low"], "0.44"),
        "given statistics, to": (partial["ci_high"], "0.55"),
    }
    digits = {name: len(shown.partition(".")[2]) for name, (_, shown) in checked.items()}
    shown_as = {name: f"{np.asarray(found).item():.{digits[name]}f}" for name, (found, _) in checked.items()}
    wrong = {name: shown_as[name] for name, (_, shown) in checked.items() if shown_as[name] != shown}
    assert not wrong, wrong

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = {f"noticed_{name.replace(' ', '_')}": result for name, result in noticed.items()}
saved |= {"which": which, "remembered": remembered, "strong": strong, "given": given, "trained": trained}
saved |= {} if more is None else {"more": more}
saved |= {f"rise_{name.replace(' ', '_')}": result for name, result in rise.items()}
parts = []
for name, found in saved.items():
    renamed = found.rename({old: f"{name}_{old}" for old in {*found.variables, *found.dims}})
    renamed.attrs = {f"{name}_{key}": value for key, value in found.attrs.items()}
    parts.append(renamed)
results.mkdir(parents=True, exist_ok=True)
xr.merge(parts, combine_attrs="no_conflicts").to_netcdf(results / "04_standing_out.nc", engine="h5netcdf")
