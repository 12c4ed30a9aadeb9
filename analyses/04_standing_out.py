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
# - `rocks480/`: 480 photographs of rocks, 16 of each of 30 kinds, with rated distinctiveness (Nosofsky et al., 2018),
#   and the trials in which people recognised 240 of them (Meagher & Nosofsky, 2023);
# - `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates and those of 25 random
#   halvings of the participants (Lu et al., 2020).
#
# **Time.** Five minutes on two cores after the notebooks before this one, which leave their features in the same
# stores; 45 minutes more without them. With `MEMFEAT_IMAGES` set to a number, only about so many images of each set are
# used: enough to see that it runs, and for nothing else.
#
# **What was published.** Jaegle et al. (2019, *eLife*) found that populations of neurons in the inferior temporal
# cortex of monkeys, and layers of networks, respond more strongly to memorable images, networks the more so the higher
# the layer (from the abstract); r = .68 in the cortex for 107 images, and nothing in networks with random weights (both
# recalled, not checked against the paper). Lin, Li, Lafferty and Yildirim (2024, *Nature Human Behaviour*) relate
# memorability of 2,222 photographs to the distance from the nearest neighbour in a VGG-16, r = .36 [.32, .40] in the
# fifth layer, and to the error of a sparse reconstruction, .29 [.26, .33] in the seventh; the error adds .16 [.11, .20]
# to the distance (read in the authors' notebook; rank correlations recomputed from their tables rise from .14 to .35
# and from .15 to .34 between the first and the fifth layer). Bylinskii et al. (2015) estimate contextual
# distinctiveness as here (read in the authors' code), and find that distinct images are remembered better (recalled,
# not checked against the paper).
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
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
if not all((data / name / "images").is_dir() for name in ("rocks480", "lnsim")):
    sys.exit("Set MEMFEAT_DATA to the folder that holds the image sets rocks480 and lnsim; memfeat may not ship them.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}

# %% [markdown]
# ## Rocks: what people said, and what they remembered
#
# Images are named by their file. The tables call them `.png` where the files are `.jpg`: that is mended in one place,
# and from then on everything is matched by name.

# %%
info = data / "rocks480" / "info"
about = pd.read_csv(info / "Rocks480_general.csv")
about = about.merge(pd.read_csv(info / "Rocks480_distinctiveness.csv"), on="image_id", validate="1:1")
about["image"] = about["filename"].str.replace(".png", ".jpg", regex=False)
about = about.rename(columns={"distinct_rat": "rated_distinctiveness"})
columns = ["image", "sub_category", "rated_distinctiveness"]
rocks = mf.images.read(data / "rocks480" / "images", scores=about[columns])
if few:
    rocks = rocks.sel(image=sorted(about.loc[about["sub_cat_item"] <= 2, "image"][:few]))
assert mf.images.ledger(rocks).empty
kind, rated = rocks["sub_category"], rocks["rated_distinctiveness"]
n_rocks, n_kinds = rocks.sizes["image"], len(np.unique(kind))
assert (n_rocks, n_kinds) == (480, 30) if not few else n_rocks == few
trials = pd.read_csv(data / "rocks480" / "trials.csv.gz", low_memory=False)
trials["image"] = trials["image"].str.replace(".png", ".jpg", regex=False)
trials = trials[(trials["version"] == "New_Version_120_Targets") & trials["image"].isin(rocks["image"].values)]
recognised = mf.scores.from_trials(trials, truth="target", response="old")
called = {"hit_rate": "hit rate", "false_alarm_rate": "false-alarm rate"}
rates = recognised[list(called)].to_dataframe()[list(called)].rename(columns=called)
assert rates.isna().sum().sum() == 0
published = pd.read_csv(data / "rocks480" / "image_scores_Exp1_New.csv").set_index("image")
published.index = published.index.str.replace(".png", ".jpg", regex=False)
assert np.allclose(rates, published.loc[rates.index, ["HR", "FAR"]], atol=6e-5)
print(f"{n_rocks} photographs of {n_kinds} kinds of rock, of which {len(rates)} were shown in the experiment")
print(f"ρ of hit and false-alarm rates: {spearmanr(rates['hit rate'], rates['false-alarm rate']).statistic:+.2f}")

# %% [markdown]
# ## Rocks: six ways to stand out
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space. Studies
# have called distinctive what lies far from its nearest neighbour, from a few neighbours, or from all other images on
# average, and found signs that differ. So all three are taken, from the same distances. Three more ask how far it is to
# the mean of all others (eccentricity), how unlikely an image is where the layer is reduced to ten components
# (contextual distinctiveness, −log p), and how much of it ten components of the others leave over (reconstruction
# error). No image is compared with itself. Only the ten components of contextual distinctiveness are found with all
# images, the one in question among them.
#
# Rocks come in kinds, which differ in how distinctive they are. So whole kinds change places for p, and whole kinds are
# drawn again for intervals. p is corrected over the 51 layers by the largest statistic of each permutation.

# %%
layers = ["features.layer[1-4].*", "features.avgpool"]
last = "features.layer4.2"
networks = {
    "trained": mf.models.load("resmem-frozen", backbone="released"),
    "untrained": mf.models.load("resmem-frozen", backbone="random", rng=0),
}
seen = mf.extract(rocks, model=networks["trained"], layers=layers, store=results / "02_rocks480_frozen.zarr").load()
assert (len(seen.data_vars), seen.sizes["image"]) == (51, n_rocks)
apart = {
    "distance from nearest neighbour": mf.measures.distinctiveness(seen, kind="nearest"),
    "distance from 5 neighbours": mf.measures.distinctiveness(seen, kind="k_nearest", k=5),
    "distance from all others": mf.measures.distinctiveness(seen, kind="mean"),
    "eccentricity": mf.measures.eccentricity(seen),
    "contextual distinctiveness": mf.measures.contextual_distinctiveness(seen),
    "reconstruction error": mf.measures.reconstruction_error(seen),
}
kinds = {"blocks": kind, "permute": "whole"}
noticed = {name: mf.measures.profile(measure, rated, **draws, **kinds) for name, measure in apart.items()}

# %% [markdown]
# Once by hand, for the last block.

# %%
gaps = squareform(pdist(seen[last].transpose("image", ...).values.astype(float)))
np.fill_diagonal(gaps, np.inf)
people = rated.sel(image=seen["image"]).values
by_hand = spearmanr(gaps.min(axis=0), people).statistic
assert np.isclose(noticed["distance from nearest neighbour"]["estimate"].sel(layer=last), by_hand, atol=1e-3)
for result in noticed.values():
    assert (result["n"] == n_rocks).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()
    assert result.attrs["permute"] == "whole"

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(3, 2, figsize=(180 / 25.4, 210 / 25.4), sharey=True, layout="constrained")
    for ax, (name, result) in zip(panels.T.flat, noticed.items(), strict=True):
        said = result.assign_attrs(interval=f"bootstrap over {n_kinds} kinds, 95 %")
        label = f"{name.capitalize()}:\nSpearman ρ with rated distinctiveness"
        mf.plot.layer_profile(said, ax=ax, label=label)
mf.plot.save(figure, figures / "04_standing_out", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# Does it matter which of the three distances? In each layer, in the same samples of kinds:

# %%
bootstrap = {"n_bootstraps": draws["n_bootstraps"], "rng": 0}
ends = {f"features.layer{stage}" for stage in ("1.2", "2.7", "3.35", "4.2")}
shown = [name for name in seen.data_vars if name in ends]
which = mf.measures.contrast(
    apart["distance from nearest neighbour"][shown],
    rated,
    baselines={"all others": apart["distance from all others"][shown]},
    against="all others",
    **bootstrap,
    **kinds,
)
columns = ["estimate", "ci_low", "ci_high", "p_corrected"]
print(which[columns].to_dataframe()[columns].round(3).to_string())
assert which.sizes["contrast"] == 4

# %% [markdown]
# ## Rocks: typical ones
#
# How typical a rock is to a layer: how well its features correlate with those of the other rocks of its kind, on
# average. Somebody who has seen many typical rocks may call another one old, whether it is or not. So hit and
# false-alarm rates are two questions. The figures show the 240 rocks that were shown in the experiment.

# %%
typical = mf.measures.typicality(seen, groups=kind).sel(image=list(rates.index))
shown_kinds = {"blocks": kind.sel(image=list(rates.index)), "permute": "whole"}
remembered = mf.measures.profile(typical, rates, **draws, **shown_kinds)
assert dict(remembered["estimate"].sizes) == {"layer": 51, "score": 2}
by_hand = spearmanr(typical[last], rates.loc[typical["image"].values, "false-alarm rate"]).statistic
assert np.isclose(remembered["estimate"].sel(layer=last, score="false-alarm rate"), by_hand)

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 2, figsize=(180 / 25.4, 140 / 25.4), width_ratios=[2, 1], layout="constrained")
    for (profile, points), name in zip(panels, rates, strict=True):
        said = remembered.sel(score=name).assign_attrs(interval=f"bootstrap over {n_kinds} kinds, 95 %")
        mf.plot.layer_profile(said, ax=profile, label=f"Typicality:\nSpearman ρ with {name}")
        points.plot(typical[last], rates.loc[typical["image"].values, name], "o", color="#0072B2", alpha=0.4)
        points.set_xlabel(f"Typicality in {last.removeprefix('features.')}")
        points.set_ylabel(name.capitalize())
mf.plot.save(figure, figures / "04_standing_out_typical", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# In the last block, is it one more than the other? The difference of two correlations of the same typicality: turned
# round, with rates as the layers of a measure and typicality as the score.

# %%
as_layers = xr.Dataset({name: ("image", rates[name].to_numpy()) for name in rates}, {"image": list(rates.index)})
more = mf.measures.contrast(as_layers, typical[last], **bootstrap, **shown_kinds)
print(more[columns].to_dataframe()[columns].round(3).to_string())
assert np.isclose(more["first_estimate"], remembered["estimate"].sel(layer=last, score="hit rate"))

# %% [markdown]
# ## Photographs: how strongly a layer responds
#
# The length of a layer's response to each photograph, in the trained and in the untrained network, and low-level
# statistics of the photograph itself. All are correlated with hit rates in the same samples. Values relative to the
# reliability of the hit rates, from halves of the participants, say how large correlations would be without noise in
# the hit rates.

# %%
photos = mf.images.read(data / "lnsim" / "images", scores=data / "lnsim" / "scores.csv")
assert mf.images.ledger(photos).empty
assert photos.sizes["image"] == 800
photos = photos.isel(image=slice(few or None))
hits, n_photos = photos["hit_rate"], photos.sizes["image"]
halves = mf.scores.read_halves(data / "lnsim" / "scores.csv").sel(image=photos["image"])
stores = {"trained": "02_lnsim_frozen.zarr", "untrained": "03_lnsim_random.zarr"}
strength = {
    name: mf.measures.magnitude(mf.extract(photos, model=model, layers=layers, store=results / stores[name]))
    for name, model in networks.items()
}
statistics = mf.lowlevel.statistics(photos)
beside = ["luminance", "rms_contrast", "edge_density", "colourfulness"]

splits = [f"split{number:02}" for number in range(1, 26)]

# %%
baselines = {"untrained": strength["untrained"]} | {name: statistics[name] for name in beside}
strong = mf.measures.profile(strength["trained"], hits, baselines=baselines, reliability=halves, **draws)
assert strong.sizes["layer"] == 2 * 51 + len(beside)
by_hand = spearmanr(strength["trained"][last].sel(image=photos["image"]), hits).statistic
assert np.isclose(strong["estimate"].sel(layer=last), by_hand)
agreement = [spearmanr(photos[f"half1_{one}"], photos[f"half2_{one}"]).statistic for one in splits]
reliability = 2 * np.mean(agreement) / (1 + np.mean(agreement))
assert np.isclose(strong["reliability"], reliability, atol=1e-6)
assert np.allclose(strong["estimate_relative"], strong["estimate"] / np.sqrt(reliability))

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 1, figsize=(180 / 25.4, 160 / 25.4), layout="constrained")
    mf.plot.layer_profile(strong, ax=panels[0], label="Response magnitude:\nSpearman ρ with hit rates")
    given = mf.measures.profile(
        strength["trained"],
        hits,
        covariates=statistics[beside].reset_coords(drop=True),
        baselines={"untrained": strength["untrained"]},
        **draws,
    )
    mf.plot.layer_profile(given, ax=panels[1], label="Given four low-level statistics:\npartial Spearman ρ")
mf.plot.save(figure, figures / "04_standing_out_strength", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# Is it training that makes the difference? Each stage's last block against the same block untrained, in the same
# samples.

# %%
trained = mf.measures.contrast(
    strength["trained"][shown], hits, baselines={"untrained": strength["untrained"]}, against="untrained", **bootstrap
)
print(trained[columns].to_dataframe()[columns].round(3).to_string())
assert trained["second"].values.tolist() == [f"untrained: {name}" for name in shown]

# %% [markdown]
# ## The answer

# %%


def strongest(result):
    """Give the layer of a profile with the largest absolute correlation."""
    return result.isel(layer=int(np.abs(result["estimate"]).argmax("layer")))


def told(found):
    return (
        f"{found['layer'].item()}, ρ = {found['estimate']:+.3f} [{found['ci_low']:+.3f}, {found['ci_high']:+.3f}], "
        f"corrected p = {found['p_corrected']:.4f}"
    )


for name, result in noticed.items():
    print(f"Rated distinctiveness and {name}, {n_rocks} rocks: strongest in {told(strongest(result))}")
    print(f"    in the last block: {told(result.sel(layer=last))}")
for name in rates:
    most = told(strongest(remembered.sel(score=name)))
    print(f"{name.capitalize()} and typicality, {len(rates)} rocks: strongest in {most}")
own, untrained = (strong.sel(layer=strong["kind"] == kind) for kind in ("measure", "untrained"))
print(f"Magnitude, {n_photos} photographs: strongest in {told(strongest(own))}")
print(f"the same untrained: strongest in {told(strongest(untrained))}")
for name in beside:
    print(f"{name}: {told(strong.sel(layer=name))}")

# %% [markdown]
# **People call those rocks distinctive that lie far from their neighbours in late layers** (ρ = .32 from the nearest,
# .34 from five, in the last block), **and of which components of the other rocks leave much over** (.36). The
# distance from all others is not seen to go with what they say in the first layers, and seems to do so less in the
# last (.21; less by .11 [.02, .20], corrected p = .07); eccentricity orders rocks the same way (.19). Contextual
# distinctiveness does not pass the correction over layers (.18, corrected p = .09).
# **Typical rocks are recognised more often (ρ up to .37), and still more often taken for known (up to .49)**: in the
# last block the two differ by .12 [.03, .20]. Typicality goes with saying "old", which is more than remembering.
# **Photographs that the last block responds to strongly are remembered** (ρ = .48 [.41, .53]); the same network
# untrained is not seen to respond so (−.05 [−.12, .02]), and four low-level statistics explain none of it (.50 given
# them). The trained network was made to predict memorability: this shows that it does so by strong responses too, and
# not that every network does.

# %%
if not few:
    for name in ("distance from nearest neighbour", "distance from 5 neighbours", "reconstruction error"):
        assert noticed[name]["p_corrected"].sel(layer=last) < 0.05
    for name in ("distance from all others", "eccentricity"):
        assert noticed[name]["p_corrected"].sel(layer="features.layer1.0") > 0.05
    middle = spearmanr(apart["eccentricity"][last], apart["distance from all others"][last]).statistic
    assert middle > 0.95
    both = remembered["estimate"].max("layer")
    assert both.sel(score="false-alarm rate") > both.sel(score="hit rate")
    assert more["ci_high"].item() < 0
    assert strongest(own)["layer"].item() == last
    assert given["estimate"].sel(layer=last) > 0.45
    assert not (untrained["p_corrected"] < 0.05).any()

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = {f"noticed_{name.replace(' ', '_')}": result for name, result in noticed.items()}
saved |= {"which": which, "remembered": remembered, "more": more, "strong": strong, "given": given, "trained": trained}
parts = []
for name, found in saved.items():
    named = found.rename({old: f"{name}_{old}" for old in {*found.variables, *found.dims}})
    named.attrs = {f"{name}_{key}": value for key, value in found.attrs.items()}
    parts.append(named)
xr.merge(parts, combine_attrs="no_conflicts").to_netcdf(results / "04_standing_out.nc", engine="h5netcdf")
