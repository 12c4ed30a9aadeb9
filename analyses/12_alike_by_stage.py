# %% [markdown]
# # Are memorable photographs unlike others early in a network, and like others late?
#
# How unlike a photograph is to the others, on average, in each of 51 layers, and whether that goes with how well people
# remember it. The same is then asked of scores that a network predicted, with that network's own features: a circle
# that looks like a finding.
#
# **Data.** `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates (Lu et al.,
# 2020). It does not come with memfeat: `MEMFEAT_DATA` must name the folder that holds it. Or your own:
# `MEMFEAT_PHOTOS`, a folder, and `MEMFEAT_SCORES` and `MEMFEAT_COLUMN`, a CSV with measured scores and its column;
# photographs that cannot be read or have no score are left out. `MEMFEAT_BACKBONE` says which weights the frozen
# network has for your own: `released` if you do not set it, or `imagenet`, which were not retrained on memorability and
# are what to publish with. The regressions need `pip install "memfeat[mixed]"` (statsmodels).
#
# **Time.** Two minutes on one core once the features are in their stores and the predictions in their file; a quarter
# of an hour more without. With `MEMFEAT_IMAGES` set to a number, only so many images are used: to see that it runs, and
# for nothing else.
#
# **What was published.** Koch, Akpan and Coutanche (2020) report that images are remembered better the more they differ
# from others in early layers, and the more they resemble others in late ones (from the abstract). Peng and Bainbridge
# (2024) took the mean dissimilarity, 1 − Pearson's r of flattened maps, in six convolutions of the retrained ResMem,
# and related it to scores of ResMem itself. Their regression on 997 images gave b = .335, −.149, −.156, −.012, .292 and
# 1.546 from stage 1 to stage 4, with z = 2.6, 3.9 and 32.4 for the first and the last two and a pseudo-R² of .73; a
# plain ResNet-152 was their control (read in the source or recomputed). Lin et al. (2024) found that images with a
# *distant nearest neighbour* in late layers are remembered better (read in the source or recomputed): nearest and mean
# distance may disagree in sign.
#
# **What this is worth.** Intervals and p-values are about other outdoor photographs. Features are outputs of blocks,
# means over space, where the published ones were maps before batch norm. "Frozen" is the network with the retrained
# weights and other batch statistics, because it needs no download; only `backbone="imagenet"` has never seen
# memorability. So two of three networks close the circle with predictions. With hit rates none does. But two of them
# have learnt from the hit rates of other photographs. The untrained network is one draw of random weights.

# %%
import os
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import statsmodels.api as sm
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr, zscore

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, named = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), folder is None
if named and not (data / "lnsim" / "images").is_dir():
    sys.exit("Set MEMFEAT_DATA to the folder that holds lnsim, or MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own data.")
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}

# %% [markdown]
# ## Photographs, hit rates and predictions
#
# Predictions are those that the sixth notebook keeps. They are made anew where the content of a photograph has changed.

# %%
photos = mf.datasets.load("lnsim") if named else mf.images.read(folder, scores=table)
if not named:
    usable = (photos["status"] == "ok").values & photos[column].notnull().values
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score, and are left out")
    photos = photos.isel(image=usable)
photos = photos.isel(image=slice(few or None))
assert mf.images.ledger(photos).empty
hits, n = photos[column], photos.sizes["image"]
if named and not few:
    assert n == 800
predictions = results / f"06_{'lnsim' if named else 'own'}_predictions.nc"
kept = xr.load_dataset(predictions, engine="h5netcdf") if predictions.is_file() else None
content = photos["sha256"].to_series().astype(str)
if kept is None or not content.equals(kept["sha256"].to_series().astype(str).reindex(content.index)):
    results.mkdir(parents=True, exist_ok=True)
    kept = mf.predict(photos)
    # counts are of one run
    kept.attrs = {name: said for name, said in kept.attrs.items() if not name.startswith(("n_", "unreadable"))}
    kept.to_netcdf(predictions, engine="h5netcdf")
predicted = kept["memorability"].sel(image=photos["image"].values)
assert predicted.notnull().all()
agreement = spearmanr(hits, predicted).statistic
print(f"{n} photographs; Spearman ρ of ResMem's predictions with {column}: {agreement:.3f}")

# %% [markdown]
# 1,196 photographs of the same source, predicted with the released package, gave .505, 95 % interval .457 to .548
# (measured by others, not published). Both samples come from the same 2,632
# photographs and may overlap (in about 360 of them, if both were drawn at random). So the two are not tested against
# each other as independent ones would be: ours has to lie inside that interval.

# %%
if named and not few:
    assert 0.457 < agreement < 0.548

# %% [markdown]
# ## How unlike the others?
#
# Three networks of one architecture. Dissimilarity is 1 − Pearson's r over channels. Of a photograph's dissimilarities
# to all others either the mean is taken, as in both studies, or the smallest, its distance from the nearest neighbour.
#
# memfeat warns where features of the retrained network are analysed. Here they are the question, so it is said.

# %%
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
frozen = "own_frozen" if backbone == "released" else f"own_frozen_{backbone}"
networks = {
    "retrained": ("13_lnsim_retrained", "own_retrained", lambda: mf.models.load("resmem")),
    "frozen": ("02_lnsim_frozen", frozen, lambda: mf.models.load("resmem-frozen", backbone=backbone)),
    "untrained": ("03_lnsim_random", "own_random", lambda: mf.models.load("resmem-frozen", backbone="random", rng=0)),
}
layers = [f"features.layer{stage}.{block}" for stage, size in enumerate((3, 8, 36, 3), 1) for block in range(size)]
layers.append("features.avgpool")
reason = "whether these features are circular is the question"
features, unlike = {}, {"mean": {}, "nearest": {}}
for name, (theirs, own, load) in networks.items():
    store = results / f"{theirs if named else own}.zarr"
    found = mf.extract(photos, model=load(), layers=layers, store=store).reset_coords(drop=True).load()
    features[name] = mf.guards.allow(found, "retrained", because=reason)
    rdms = mf.rdm.compute(features[name], metric="correlation")
    for kind, found in unlike.items():
        found[name] = mf.measures.distinctiveness(rdms, kind=kind)
    assert (len(features[name].data_vars), features[name].sizes["image"]) == (51, n)

# %% [markdown]
# Once by hand, for the last block of the retrained network.

# %%
last = "features.layer4.2"
values = features["retrained"][last].transpose("image", ...).values.astype(float)
by_hand = squareform(pdist(values, "correlation"))
assert np.allclose(unlike["mean"]["retrained"][last], by_hand.sum(axis=0) / (n - 1), atol=1e-6)
np.fill_diagonal(by_hand, np.inf)
assert np.allclose(unlike["nearest"]["retrained"][last], by_hand.min(axis=0), atol=1e-6)

# %% [markdown]
# ## The guard
#
# Before it is told that the circle is meant, memfeat warns that the predictions come from the same weights: for the
# retrained network, and for the frozen one, whose trunk has them too. It does not for the untrained one.

# %%
same_weights = {"retrained", "frozen"} if backbone == "released" else {"retrained"}
for name in networks:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mf.measures.profile(unlike["mean"][name], predicted, n_permutations=0, n_bootstraps=0)
    circular = any(issubclass(one.category, mf.errors.CircularWarning) for one in said)
    print(f"{name}: {'circular' if circular else 'not circular'}")
    assert circular == (name in same_weights)
for found in unlike.values():
    for name, measure in found.items():
        found[name] = mf.guards.allow(measure, "circular", because=reason)

# %% [markdown]
# ## Layer by layer
#
# The retrained network, with the two others beside it. p is corrected over 51 layers by the largest statistic of each
# permutation, each network by itself.

# %%
scores = {"hits": hits, "predictions": predicted}
called = {"hits": column.replace("_", " "), "predictions": "predictions"}
profiles, prefix = {}, {name: "" if name == "retrained" else f"{name}: " for name in networks}
for kind, found in unlike.items():
    beside = {name: found[name] for name in ("frozen", "untrained")}
    for score, known in scores.items():
        profiles[kind, score] = mf.measures.profile(found["retrained"], known, baselines=beside, **draws)
by_hand = spearmanr(unlike["mean"]["frozen"][last].sel(image=photos["image"]), hits).statistic
assert np.isclose(profiles["mean", "hits"]["estimate"].sel(layer=f"frozen: {last}"), by_hand)
for (_, score), result in profiles.items():
    assert result.sizes["layer"] == 3 * 51
    assert (result["n"] == n).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()
    assert ("circular" in result.attrs.get("cautions", "")) == (score == "predictions")

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 2, figsize=(180 / 25.4, 150 / 25.4), sharey=True, layout="constrained")
    for ax, ((kind, score), result) in zip(panels.flat, profiles.items(), strict=True):
        label = f"{kind.capitalize()} dissimilarity:\nSpearman ρ with {called[score]}"
        mf.plot.layer_profile(result, ax=ax, label=label)
    figure.supxlabel("Blue, full line: the retrained network; its p are corrected over 51 layers", fontsize=7)
mf.plot.save(figure, figures / "12_alike_by_stage", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Six layers at once
#
# The six blocks that hold the six published convolutions, in one regression. All variables are z-scored, so that a
# coefficient is in standard deviations of the scores for each standard deviation of a dissimilarity: the published ones
# are not, and only signs and z can be laid beside ours. The pseudo-R² that statsmodels prints for such a model (Cox and
# Snell's, with the fitted scale in the null model as well) is no share of variance. With f = (n − 7) / n, 7 being the
# number of coefficients, it is 1 − f exp(1 − f / (1 − R²)). Were the published .73 such a number, what would R² be?

# %%
stages = [f"features.layer{block}" for block in ("1.2", "2.7", "3.11", "3.23", "3.35", "4.2")]
free = np.array([990 / 997, (n - 7) / n])
published = 1 - free[0] / (1 - np.log((1 - 0.73) / free[0]))
print(f"published pseudo-R² .73: R² would be {published:.2f}")
columns = ["coefficient", "ci_low", "ci_high", "z"]
rows, fits = [], {}
for score, known in scores.items():
    outcome = zscore(known.values)
    for name in networks:
        predictors = unlike["mean"][name][stages].to_dataarray("layer").sel(image=photos["image"]).values
        design = sm.add_constant(zscore(predictors, axis=1).T)
        fit = sm.GLM(outcome, design, family=sm.families.Gaussian()).fit()
        by_hand = np.linalg.lstsq(design, outcome, rcond=None)[0]
        assert np.allclose(fit.params, by_hand)
        share = 1 - ((outcome - design @ by_hand) ** 2).mean()
        assert np.isclose(fit.pseudo_rsquared("cs"), 1 - free[1] * np.exp(1 - free[1] / (1 - share)))
        rows.append(np.column_stack([fit.params, fit.conf_int(), fit.tvalues])[1:])
        fits[score, name] = (share, fit.pseudo_rsquared("cs"))
joint = xr.DataArray(
    np.reshape(rows, (2, 3, 6, 4)),
    {"score": list(scores), "network": list(networks), "layer": stages, "column": columns},
    ["score", "network", "layer", "column"],
    name="joint",
)
for (score, name), (share, pseudo) in fits.items():
    z = " ".join(f"{value:+6.1f}" for value in joint.sel(score=score, network=name, column="z").values)
    b = " ".join(f"{value:+6.2f}" for value in joint.sel(score=score, network=name, column="coefficient").values)
    print(f"{name:>9} → {score:<11} R² = {share:.3f}, pseudo-R² = {pseudo:.3f}; b {b}; z {z}")
print(f"six numbers without any relation would give R² = {6 / (n - 1):.3f} on average")

# %% [markdown]
# Neighbouring layers share most of what they say, so single coefficients are not to be read alone.

# %%
for name in networks:
    together = np.corrcoef(unlike["mean"][name][stages].to_dataarray("layer"))
    print(f"{name}: r between mean dissimilarities of neighbouring layers {np.diag(together, 1).round(2)}")

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(1, 2, figsize=(180 / 25.4, 75 / 25.4), sharey=True, layout="constrained")
    for ax, score in zip(panels, scores, strict=True):
        ax.axhline(0, color="0.6", linewidth=0.7, linestyle="--")
        for step, (name, colour, marker) in enumerate(
            zip(networks, ("#0072B2", "#D55E00", "#7f7f7f"), "os^", strict=True)
        ):
            one = joint.sel(score=score, network=name)
            place = np.arange(6) + 0.2 * (step - 1)
            ax.vlines(place, one.sel(column="ci_low"), one.sel(column="ci_high"), color=colour)
            share = fits[score, name][0]
            ax.plot(place, one.sel(column="coefficient"), marker, color=colour, label=f"{name}, R² = {share:.2f}")
        ax.set_xticks(range(6), [stage.removeprefix("features.") for stage in stages], rotation=30)
        ax.set_title(f"Regression of {called[score]}")
        ax.legend(frameon=False, loc="lower left")
    panels[0].set_ylabel("Coefficient, z-scored (SD per SD)")
    figure.supxlabel(f"Block; n = {n} images; bars: 95 %, normal theory, each coefficient by itself", fontsize=7)
mf.plot.save(figure, figures / "12_alike_by_stage_joint", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## What one network says beyond another
#
# The published control set a plain ResNet-152 against ResMem. Here: what the retrained network's mean dissimilarity
# says once that of the same layer in another network is taken out of both sides (partial rank correlation; permutations
# exchange residuals). p is given as it is and, after Holm, corrected over these eight comparisons. With few photographs
# there are no intervals: too many samples would leave nothing to correlate.

# %%
limits = draws if n >= 100 else draws | {"n_bootstraps": 0}
beyond = {}
for other in ("frozen", "untrained"):
    for score, known in scores.items():
        for layer in (stages[0], last):
            taken, own = (unlike["mean"][name][layer] for name in (other, "retrained"))
            found = mf.measures.profile(own, known, covariates=taken.drop_attrs(), **limits).squeeze("layer")
            beyond[other, score, layer] = found
            assert np.isclose(found["plain"], profiles["mean", score]["estimate"].sel(layer=layer))
corrected = dict(zip(beyond, mf.stats.holm(np.array([found["p"].item() for found in beyond.values()])), strict=True))
for (other, score, layer), found in beyond.items():
    shown = [f"{key} {found[key]:+.2f}" for key in ("plain", "estimate", "ci_low", "ci_high") if key in found]
    print(
        f"{layer.removeprefix('features.')} with {score} given the {other} network: {', '.join(shown)}, "
        f"p {found['p']:.4f}, corrected {corrected[other, score, layer]:.4f}"
    )

# %% [markdown]
# ## Early against late, mean against nearest
#
# Two differences, in the same samples of photographs: that of the first and last of the six layers, and that of mean
# and nearest in the last.

# %%
bootstrap = {"n_bootstraps": draws["n_bootstraps"], "rng": 0}
differences = {}
for name in networks:
    ends = unlike["mean"][name][[stages[0], last]]
    both = {"nearest": unlike["nearest"][name][[last]]}
    differences[name, "early less late"] = mf.measures.contrast(ends, hits, against=last, **bootstrap)
    differences[name, "mean less nearest"] = mf.measures.contrast(
        ends[[last]], hits, baselines=both, against="nearest", **bootstrap
    )
for (name, what), found in differences.items():
    print(
        f"{name}, {what}: {found['first_estimate'].item():+.3f} less {found['second_estimate'].item():+.3f} is "
        f"{found['estimate'].item():+.3f} [{found['ci_low'].item():+.3f}, {found['ci_high'].item():+.3f}]"
    )
    first = stages[0] if what == "early less late" else last
    profile = profiles["mean", "hits"].sel(layer=prefix[name] + first)
    assert np.isclose(found["first_estimate"], profile["estimate"])

# %% [markdown]
# ## The answer

# %%
for (kind, score), result in profiles.items():
    for name in networks:
        one = result.sel(layer=[prefix[name] + layer for layer in stages])
        said = ", ".join(
            f"{layer.removeprefix('features.layer')} {float(found['estimate']):+.2f}"
            f"{'*' if found['p_corrected'] < 0.05 else ''}"
            for layer, found in ((layer, one.isel(layer=k)) for k, layer in enumerate(stages))
        )
        print(f"{kind:>7} × {score:<11} {name:>9}: {said}")
print(f"* p < .05, corrected over 51 layers; n = {n}")

# %% [markdown]
# **Of these photographs those that are unlike the others are remembered better, at the end of every stage of the
# trained networks and most in the last block** (mean dissimilarity, ρ = .49 in the retrained and .50 in the frozen one;
# .09 and .10 at the end of stage 1, a difference of .40). In the last block of the untrained network it says nothing
# (−.01). Koch et al. report the opposite for late layers. Theirs was another network and other images, and we know the
# abstract only: what makes the difference we cannot say. **Nearest and mean distance do not differ in sign here**, only
# in size (.31 and .49), and both agree with what Lin et al. found for the nearest neighbour.
#
# **The circle looks like a stronger finding.** For ResMem's own predictions the six layers of the same network give
# R² = .58, a pseudo-R² of .75 and z = 26.5 for stage 4; the signs of the first and the last two stages are the
# published ones (pseudo-R² .73, z = 32.4), on other photographs and with pooled features. For what people remembered of
# the same photographs R² is .27 and z = 13.6, and the coefficient of late stage 3 changes its sign. The frozen network
# closes the circle as well (.54), as it has the same weights; the untrained one does not (.03). Beyond the frozen
# network's last block the retrained one's says .31 about predictions. What it says about hit rates, .08 [.01, .15], has
# a p of .030, which corrected over eight such comparisons is .09. The two networks differ in batch statistics and input
# alone.
#
# That dissimilarity goes with hit rates at all is no circle, but no proof about networks in general either: these
# weights were trained to predict the memorability of other photographs.
#
# **Open** is what a preprint of Koch et al. reports for photographs of a single category, houses (from its abstract):
# there, likeness goes with better memory in middle to late layers. All photographs here are of outdoor scenes, but of
# no single category.

# %%
if named and not few:
    rho = {
        (kind, name, layer): profiles[kind, "hits"]["estimate"].sel(layer=prefix[name] + layer)
        for kind in unlike
        for name in networks
        for layer in (stages[0], last)
    }
    z = joint.sel(column="z", network="retrained", layer=last)
    # these keep prose and outputs together; they say nothing about whether either is right
    told = {
        "ρ, last block, retrained": (rho["mean", "retrained", last], "0.49"),
        "ρ, last block, frozen": (rho["mean", "frozen", last], "0.50"),
        "ρ, last block, untrained": (rho["mean", "untrained", last], "-0.01"),
        "ρ, stage 1, retrained": (rho["mean", "retrained", stages[0]], "0.09"),
        "ρ, stage 1, frozen": (rho["mean", "frozen", stages[0]], "0.10"),
        "difference, retrained": (differences["retrained", "early less late"]["estimate"], "-0.40"),
        "difference, frozen": (differences["frozen", "early less late"]["estimate"], "-0.40"),
        "nearest": (rho["nearest", "retrained", last], "0.31"),
        "R², predictions": (fits["predictions", "retrained"][0], "0.58"),
        "pseudo-R², predictions": (fits["predictions", "retrained"][1], "0.75"),
        "R², predictions, frozen": (fits["predictions", "frozen"][0], "0.54"),
        "R², predictions, untrained": (fits["predictions", "untrained"][0], "0.03"),
        "R², hits": (fits["hits", "retrained"][0], "0.27"),
        "z, predictions": (z.sel(score="predictions"), "26.5"),
        "z, hits": (z.sel(score="hits"), "13.6"),
        "beyond frozen, predictions": (beyond["frozen", "predictions", last]["estimate"], "0.31"),
        "beyond frozen, hits": (beyond["frozen", "hits", last]["estimate"], "0.08"),
        "beyond frozen, hits, from": (beyond["frozen", "hits", last]["ci_low"], "0.01"),
        "beyond frozen, hits, to": (beyond["frozen", "hits", last]["ci_high"], "0.15"),
        "beyond frozen, hits, p": (beyond["frozen", "hits", last]["p"], "0.030"),
        "beyond frozen, hits, corrected p": (corrected["frozen", "hits", last], "0.09"),
    }
    digits = {name: len(said.partition(".")[2]) for name, (_, said) in told.items()}
    shown = {name: f"{np.asarray(found).item():.{digits[name]}f}" for name, (found, _) in told.items()}
    wrong = {name: shown[name] for name, (_, said) in told.items() if shown[name] != said}
    assert not wrong, wrong
    for name in ("retrained", "frozen"):
        ends = profiles["mean", "hits"].sel(layer=[prefix[name] + layer for layer in stages])
        assert ((ends["estimate"] > 0) & (ends["p_corrected"] < 0.05)).all()
    signs = np.sign(joint.sel(column="coefficient", network="retrained", layer=[stages[0], stages[4], last]))
    assert signs.sel(score="predictions").values.tolist() == [1, 1, 1]
    assert signs.sel(score="hits").values.tolist() == [1, -1, 1]

# %%
saved = {f"profile_{kind}_{score}": result for (kind, score), result in profiles.items()}
saved |= {f"beyond_{'_'.join(what)}": result for what, result in beyond.items()}
saved |= {f"difference_{name}_{what.replace(' ', '_')}": result for (name, what), result in differences.items()}
parts = [joint.to_dataset().rename({dim: f"joint_{dim}" for dim in joint.dims})]
for name, found in saved.items():
    renamed = found.rename({old: f"{name}_{old}" for old in {*found.variables, *found.dims}})
    renamed.attrs = {f"{name}_{key}": value for key, value in found.attrs.items()}
    parts.append(renamed)
xr.merge(parts, combine_attrs="no_conflicts").assign_attrs(
    joint="Gaussian regression of z-scored scores on z-scored mean dissimilarities of six layers; normal theory",
    joint_n=n,
    joint_r2=[share for share, _ in fits.values()],
).to_netcdf(results / "12_alike_by_stage.nc", engine="h5netcdf")
