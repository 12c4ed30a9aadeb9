# %% [markdown]
# # What is left of a prediction when only the spectrum of a photograph is left?
#
# A photograph whose phases are scrambled keeps its colours, its contrast, and how much of each frequency and
# orientation there is. Nobody can say what it showed. If a network still gave the scrambled photographs of memorable
# scenes high scores, part of what it predicts would be such a property of the picture, and not what is in it.
#
# **Data.** `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with hit rates and those of 25 random
# halvings of the participants (Lu et al., 2020). They do not come with memfeat; their authors give them out:
# `MEMFEAT_DATA` must name a folder that holds them. Or your own: set `MEMFEAT_PHOTOS` to a folder, `MEMFEAT_SCORES` to
# a CSV with a column `image`, and `MEMFEAT_COLUMN` to its column of scores (`hit_rate` if you do not).
#
# **Time.** Half an hour to an hour on two cores, most of it for 4,000 predictions, which are kept: a second run takes
# five minutes. With `MEMFEAT_IMAGES` set to a number, fewer photographs and versions are used: enough to see that it
# runs, and for nothing else.
#
# **What was published.** Lin, Yousif, Chun and Scholl (2021, *Cognition*) showed people photographs and their
# phase-scrambled versions. Scrambled pictures had reliable memorability of their own, which was uncorrelated with that
# of the intact ones (from the abstract). Scores that MemNet gave to scrambled pictures went with the memorability of
# the intact pictures, and not with that of the scrambled ones they were given to (from their abstract for a conference,
# VSS).
#
# **What this is worth.** Nobody was shown scrambled pictures here, so how well those would be remembered cannot be
# asked. Of the last finding, half can be, with another network (ResMem): whether predictions for scrambled pictures go
# with hit rates of the intact ones. ResMem was trained on photographs, and scrambled ones are like none of them: its
# predictions for these are no forecasts of anything. Intervals are expanded percentiles of bootstrap samples of
# photographs, 95 %. With 800 of them a correlation of .07 is about the smallest that stands out from none, if no
# other is looked at.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

import memfeat as mf
from memfeat import demo

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
photos, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
named = photos is None
if named and not (data / "lnsim" / "images").is_dir():
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds lnsim, which memfeat may not ship, or MEMFEAT_PHOTOS and "
        "MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}

# %% [markdown]
# ## The photographs
#
# Photographs of your own that cannot be read, or that have no score, are left out.

# %%
column = "hit_rate" if named else os.environ.get("MEMFEAT_COLUMN", "hit_rate")
every = mf.datasets.load("lnsim") if named else mf.images.read(photos, scores=table)
usable = (every["status"] == "ok") & every[column].notnull()
if named:
    assert usable.all()
print(f"{int((~usable).sum())} photographs left out, which cannot be read or have no score")
every = every.sel(image=usable)
names = np.sort(every["image"].values.astype(str))
drawn = np.random.default_rng(0).choice(names, min(len(names), few * 3 // 8 or len(names)), replace=False)
intact = every.sel(image=np.sort(drawn))
remembered, n = intact[column], intact.sizes["image"]
print(f"{n} of {len(names)} photographs; mean {column} {float(remembered.mean()):.3f}, SD {remembered.std():.3f}")

# %% [markdown]
# ## Scrambling
#
# The phase of each frequency is turned by a random angle, or by a part of it. The three channels are turned alike, so
# that colours that go together stay together. At a quarter and at half the angles are a quarter and half of those of
# the first seed. A second seed says how much hangs on which angles they are. Shown on a photograph that comes with
# scikit-image (Rachel Michetti, CC0):

# %%
made = {
    "a quarter": {"strength": 0.25, "rng": 0},
    "half": {"strength": 0.5, "rng": 0},
    "whole": {"strength": 1.0, "rng": 0},
    "whole 2": {"strength": 1.0, "rng": 1},
}
if few:
    made = {name: how for name, how in made.items() if name.startswith("whole")}
results.mkdir(parents=True, exist_ok=True)
demo.collect(results / "photographs")
coffee = mf.images.read([results / "photographs" / "coffee.png"])
shown = [coffee, *(mf.images.transform(coffee, "phase_scramble", **how) for how in made.values())]
pictures = xr.concat([mf.images.thumbnails(one, size=128) for one in shown], "image", combine_attrs="drop")
figure, ax = plt.subplots(figsize=(180 / 25.4, 35 / 25.4), layout="constrained")
mf.plot.image_grid(pictures, captions=["intact", *made], columns=len(shown), ax=ax)
plt.close(figure)
figure

# %% [markdown]
# ## What stays, and what does not
#
# The amplitude of each frequency stays, until values that come out darker than black or brighter than white are cut
# off. In photographs of a fifth of the contrast there is room for all values, but for some that are dark or bright
# everywhere. Where nothing is cut off, amplitudes may differ by what rounding to 8 bits does: by half a level per pixel
# at the most, and so, after Parseval, by ½ √N on average (root mean square) in a picture of N pixels.

# %%
pale = mf.images.transform(intact.isel(image=slice(12)), "contrast", factor=0.2)


def spectrum(table, name):
    """Give the complex amplitudes of an image, in levels."""
    return np.fft.fft2(np.asarray(mf.images.decode(table, name), dtype=float), axes=(0, 1))


turned = mf.images.transform(pale, "phase_scramble", **made["whole"])
whole = [name for name in turned["image"].values if turned["clipped"].sel(image=name) == 0]
if named:
    assert whole
for name in whole:
    before, after = spectrum(pale, name), spectrum(turned, name)
    pixels = before.shape[0] * before.shape[1]
    assert np.sqrt(np.mean((np.abs(after) - np.abs(before)) ** 2)) <= 0.5 * np.sqrt(pixels)
    if named:
        assert np.abs(np.angle(after * before.conj())).mean() > 1
print(f"{len(whole)} pale photographs of which nothing is cut off: amplitudes kept to within rounding in all of them")

# %% [markdown]
# Photographs as they are lose something. How much, as a share of all amplitude but the mean, is measured below, where
# all are scrambled.
#
# ## Predictions
#
# One version at a time is made and predicted: pictures of noise hardly get smaller when they are packed, and all four
# need gigabytes. What has been predicted is kept under the hash of the picture, so that it is never mistaken for the
# prediction of another.

# %%
kept = results / "15_scrambled_predictions.csv"
known = pd.read_csv(kept, index_col="sha256")["memorability"] if kept.exists() else pd.Series(dtype=float)


def predict(pictures, known):
    """Give the predictions by hash, those of before and those of pictures that are new."""
    new = pictures.isel(image=~np.isin(pictures["sha256"].values.astype(str), known.index))
    if not new.sizes["image"]:
        return known
    found = mf.predict(new)
    found = found["memorability"].to_series().set_axis(found["sha256"].values.astype(str))
    known = pd.concat([known, found]) if len(known) else found
    known.rename_axis("sha256").rename("memorability").to_csv(kept)
    return known


def change(pictures, image):
    """Give by how much scrambling changed the amplitudes of an image, as a share of all but the mean."""
    before, after = (np.abs(spectrum(table, image)) for table in (intact, pictures))
    before[0, 0] = after[0, 0] = 0
    return np.sqrt(((after - before) ** 2).sum() / (before**2).sum())


predicted = {}
for name in ("intact", *made):
    pictures = mf.images.transform(intact, "phase_scramble", **made[name]) if name in made else intact
    known = predict(pictures, known)
    predicted[name] = pictures["sha256"].to_series().astype(str).map(known)
    if name in made:
        lost = np.median([change(pictures, image) for image in intact["image"].values])
        print(
            f"{name}: {float(pictures['clipped'].mean()):.2f} of the pixels cut off in a channel, "
            f"amplitudes changed by {lost:.2f} (median)"
        )
predicted = pd.DataFrame(predicted)
assert predicted.notna().all(axis=None)
assert predicted.gt(0).all(axis=None) & predicted.lt(1).all(axis=None)
print(predicted.describe().loc[["mean", "std", "min", "max"]].round(3).to_string())

# %% [markdown]
# ## Do they go with what people remembered?
#
# Each version's predictions with hit rates of the intact photographs, p corrected over versions, and each against the
# predictions for intact ones, in the same samples; p of these differences is corrected by the largest deviation of any
# of them, in standard errors, in each bootstrap sample. Where the sixth notebook has kept its predictions, those of
# intact photographs must be the same.

# %%
measure = predicted.to_xarray()
halves = {}
if named and not few:
    halves = {"reliability": mf.datasets.table("lnsim", "halves")["hit_rate"].sel(image=intact["image"])}
people = mf.measures.profile(measure, remembered, **halves, **draws)
bootstrap = {name: draws[name] for name in ("n_bootstraps", "rng")}
less = mf.measures.contrast(measure, remembered, against="intact", **bootstrap)
by_hand = spearmanr(predicted["whole"], remembered.to_series().loc[predicted.index]).statistic
assert np.isclose(people["estimate"].sel(layer="whole"), by_hand)
assert (people["n"] == n).all()
assert ((people["p_corrected"] >= people["p"]) & (people["p_corrected"] <= 1)).all()
assert np.isclose(less["second_estimate"][0], people["estimate"].sel(layer="intact"))
before = results / "06_lnsim_predictions.nc"
if named and not few and before.is_file():
    of_sixth = xr.load_dataset(before, engine="h5netcdf").set_coords("sha256")["memorability"]
    of_sixth = of_sixth.to_series().set_axis(of_sixth["sha256"].values.astype(str))
    assert np.allclose(of_sixth.loc[intact["sha256"].values.astype(str)], predicted["intact"])

# %% [markdown]
# ## Do they go with the predictions for intact photographs?

# %%
network = mf.measures.profile(measure.drop_vars("intact"), measure["intact"], **draws)
assert network.sizes["layer"] == len(made)

# %% [markdown]
# ## Are they predictions of something?
#
# If scrambled pictures were noise to the network, another seed would order them differently. And what the two seeds
# have in common must be a property that scrambling keeps: which one, low-level statistics of the intact photographs
# may say.

# %%
seeds = measure[["whole", "whole 2"]].to_dataarray("half").transpose("image", "half").rename("prediction")
agreement = mf.scores.reliability(seeds, **bootstrap).isel(measure=0)
assert np.isclose(agreement["estimate"], spearmanr(predicted["whole"], predicted["whole 2"]).statistic)
statistics = mf.lowlevel.statistics(intact)
simple = statistics[["luminance", "rms_contrast", "colourfulness", "spectral_slope", "edge_density", "jpeg_size"]]
looks = mf.measures.profile(simple.reset_coords(drop=True), seeds.mean("half"), **draws)

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 2, figsize=(180 / 25.4, 140 / 25.4), layout="constrained")
    for ax, result, label in (
        (panels[0, 0], people, f"Spearman ρ with\n{column.replace('_', ' ')} of intact"),
        (panels[0, 1], network, "Spearman ρ with\npredictions for intact"),
    ):
        # the second seed is no further step: it stands apart, and no line leads to it
        first, second = (result.sel(layer=same) for same in (result["layer"] != "whole 2", "whole 2"))
        mf.plot.layer_profile(first, ax=ax, label=label)
        place = first.sizes["layer"]
        ax.vlines(place, second["ci_low"], second["ci_high"], color="#0072B2", linewidth=0.8)
        face = "#0072B2" if second["p_corrected"] < 0.05 else "white"
        ax.plot(place, second["estimate"], "o", color="#0072B2", markerfacecolor=face)
        ax.set_xticks(range(place + 1), result["layer"].values)
        ax.set_xlim(-0.5, place + 0.5)
        ax.set_xlabel("Phases turned by")
    panels[1, 0].plot(*seeds.transpose("half", "image").values, "o", color="#0072B2", alpha=0.4, markersize=2)
    panels[1, 0].set_xlabel("Prediction, phases turned by whole angles, first seed")
    panels[1, 0].set_ylabel("Prediction, second seed")
    panels[1, 0].set_title(f"n = {n} photographs", loc="left", fontsize=6)
    look = {"medianprops": {"color": "#0072B2"}, "flierprops": {"markersize": 2}}
    panels[1, 1].boxplot(predicted.to_numpy(), widths=0.6, **look)
    panels[1, 1].set_xticks(np.arange(1, predicted.shape[1] + 1), list(predicted))
    panels[1, 1].set_xlabel("Phases turned by")
    panels[1, 1].set_ylabel("Predicted memorability")
    panels[1, 1].set_title(f"median, quartiles, 1.5 × their range; n = {n} photographs", loc="left", fontsize=6)
mf.plot.save(figure, figures / "15_scrambled", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## The answer

# %%


def told(found):
    return f"{found['estimate']:+.3f} [{found['ci_low']:+.3f}, {found['ci_high']:+.3f}]"


for name in predicted:
    found = people.sel(layer=name)
    print(f"{name}: ρ with {column} {told(found)}, corrected p = {found['p_corrected']:.4f}")
if halves:
    of_ceiling = people["estimate_relative"].sel(layer="intact")
    print(f"intact, relative to the reliability of the {column.replace('_', ' ')}s: {of_ceiling:.2f}")
for number, name in enumerate(less["first"].values):
    found = less.isel(contrast=number)
    print(f"{name} less intact: {told(found)}, corrected p = {found['p_corrected']:.4f}")
for name in made:
    found = network.sel(layer=name)
    print(f"{name}: ρ with predictions for intact {told(found)}, corrected p = {found['p_corrected']:.4f}")
print(f"two seeds: ρ = {told(agreement)}; reliability of their mean {agreement['reliability']:.3f}")
for name in simple:
    found = looks.sel(layer=name)
    print(f"{name} and mean prediction of two seeds: ρ = {told(found)}, corrected p = {found['p_corrected']:.4f}")

# %% [markdown]
# **With phases turned wholly, hardly anything is left of what goes with memory.** ResMem's predictions for the 800
# intact photographs go with their hit rates (ρ = .50 [.44, .55]; others measured .505, unpublished, on 1,196 of the
# same 2,632 photographs, of which some may be among these). Those for scrambled ones do so by .08 [.01, .14] with one
# seed and by .07 [−.01, .13] with another. Intervals are not corrected, p is, over the five versions (.08 and .22):
# this cannot be told from none, and is hardly above .14. The difference from intact ones is more than chance (−.42
# [−.50, −.34] and −.44 [−.52, −.35]).
#
# **The network does not answer at random, though.** Two seeds order photographs nearly alike (.78), and photographs
# that a JPEG file compresses well (−.23 with its size), that have few edges (−.22) and that are colourful (.17) are
# given higher scores when scrambled. That order has a little to do with the one of the intact photographs (.16 [.09,
# .23] and .11 [.04, .18], corrected p below .01): a small part of what ResMem says of a photograph may be about its
# colours and spectrum, and that part is not seen to go with memory. Most is lost between a quarter of the angles and a
# half: with a quarter, predictions still go with hit rates by .38 [.31, .44]; with a half, at which one can still see
# what is shown in the example above, by .13 [.06, .20].
#
# **How far this is what was published.** There, scores of MemNet for scrambled pictures went with the memorability of
# the intact ones. Here are another network and other photographs (outdoor scenes only): the correlation points in the
# same direction, is small, and after correction cannot be told from none. That scrambled pictures have a reliable order
# of their own was published for people, and is here found for a network, which is not the same. Mean predictions rise
# from .57 to .75 with scrambling: nothing about people follows from that, because ResMem never saw such pictures, and
# their scores are no forecasts.

# %%
if named and not few:
    # the prose above was written from these outputs: this keeps the two together
    limits = ["estimate", "ci_low", "ci_high"]
    apart = less.swap_dims(contrast="first")
    prose = {
        "smallest that stands out": ([1.96 / np.sqrt(n - 1)], [0.07]),
        "intact": (people.sel(layer="intact")[limits].to_array(), [0.50, 0.44, 0.55]),
        "a quarter": (people.sel(layer="a quarter")[limits].to_array(), [0.38, 0.31, 0.44]),
        "half": (people.sel(layer="half")[limits].to_array(), [0.13, 0.06, 0.20]),
        "whole": (people.sel(layer="whole")[[*limits, "p_corrected"]].to_array(), [0.08, 0.01, 0.14, 0.08]),
        "whole 2": (people.sel(layer="whole 2")[[*limits, "p_corrected"]].to_array(), [0.07, -0.01, 0.13, 0.22]),
        "whole less intact": (apart.sel(first="whole")[limits].to_array(), [-0.42, -0.50, -0.34]),
        "other less intact": (apart.sel(first="whole 2")[limits].to_array(), [-0.44, -0.52, -0.35]),
        "two seeds": ([agreement["estimate"]], [0.78]),
        "looks": (looks["estimate"].sel(layer=["jpeg_size", "edge_density", "colourfulness"]), [-0.23, -0.22, 0.17]),
        "with intact, whole": (network.sel(layer="whole")[limits].to_array(), [0.16, 0.09, 0.23]),
        "with intact, whole 2": (network.sel(layer="whole 2")[limits].to_array(), [0.11, 0.04, 0.18]),
        "means": (predicted[["intact", "whole"]].mean(), [0.57, 0.75]),
    }
    for name, (ours, said) in prose.items():
        assert [round(float(one), 2) for one in ours] == said, name
    assert people["ci_low"].sel(layer="intact") <= 0.505 <= people["ci_high"].sel(layer="intact")
    assert (people["p_corrected"].sel(layer=["intact", "a quarter", "half"]) < 0.05).all()
    assert (people["p_corrected"].sel(layer=["whole", "whole 2"]) > 0.05).all()
    assert (network["p_corrected"] < 0.01).all()
    assert (less["p_corrected"] < 0.05).all()
    assert agreement["ci_low"] > 0
    assert (looks["p_corrected"].sel(layer=["jpeg_size", "edge_density", "colourfulness"]) < 0.05).all()
    others = looks["p_corrected"].drop_sel(layer=["jpeg_size", "edge_density", "colourfulness"])
    assert (others > 0.05).all()

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
found = {"people": people, "less": less, "network": network, "agreement": agreement, "looks": looks}
saved = []
for what, of in found.items():
    part = of.rename({old: f"{what}_{old}" for old in {*of.variables, *of.dims}})
    part.attrs = {f"{what}_{key}": value for key, value in of.attrs.items()}
    saved.append(part)
xr.merge(saved, combine_attrs="no_conflicts").to_netcdf(results / "15_scrambled.nc", engine="h5netcdf")
