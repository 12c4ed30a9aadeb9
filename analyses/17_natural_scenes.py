# %% [markdown]
# # Does a predictor know more about scenes than how natural they are?
#
# The more natural a scene, the worse it is remembered, and the lower ResMem's prediction. So a predictor might be right
# about scenes only because it tells beaches from kitchens. Does it predict anything about scenes that are equally
# natural? And is what it predicts that people recognise what they saw, or that they do not take for known what they
# did not see?
#
# **Data.** `rim2025/`: counts of hits and false alarms for two sets of 375 and 1,104 scenes, how natural people rated
# them, how well they can be compressed, and what ResMem predicted for them (Rim et al., 2025; BSD 3-clause). These are
# tables: the photographs are not among them. `MEMFEAT_DATA` must name a folder that holds them. There is no version
# for data of your own, because it would need ratings of how natural your photographs are.
#
# **Time.** Half a minute. With `MEMFEAT_IMAGES` set, fewer samples are drawn; tables are small, so all images are used.
#
# **What was published.** Rim et al. (2025) report that natural scenes are more compressible and remembered worse (from
# the title of their preprint), and ask whether compressibility mediates it (what came out was not checked). Recomputed
# from their tables, for the two sets: naturalness and corrected recognition correlate at −.45 and −.42, compressibility
# and corrected recognition at −.22 and −.18, naturalness and ResMem at −.55 and −.44, ResMem and corrected recognition
# at .493 and .545 (Pearson), hit and false-alarm rates at .14 and .00 (Spearman). Halves of the participants agree so
# that corrected recognition has a reliability of .699 and .726 (Spearman-Brown), which makes ResMem's correlations .59
# and .64 where scores had no noise. The reliabilities were computed by others from the authors' files and not checked:
# they need participants, who are not in these tables. Their third set, of 1,670 scenes, is not among the tables either.
# Most of its correlations are weaker: naturalness with corrected recognition −.24 and with ResMem −.45, compressibility
# with corrected recognition −.17, ResMem with corrected recognition .477, and a reliability of .586 (recomputed from
# its own table; not checked here).
#
# **What this is worth.** Correlations over scenes, of two sets that one group chose: nothing was manipulated, and what
# goes along with naturalness (people, objects, indoors) is not told apart from it. That one thing knows more than
# another means no more here than that it still goes with the score where the other is held constant. ResMem's
# predictions are those that the authors published. Intervals are expanded percentiles of bootstrap samples of scenes,
# 95 %. Two of three sets are reported everywhere: the second repeats the first, and the third, in which less goes with
# memory, cannot be asked.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import norm, pearsonr, spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
if not (data / "rim2025").is_dir():
    sys.exit("Set MEMFEAT_DATA to the folder that holds rim2025, the tables of Rim et al. (2025).")
bootstrap = {"n_bootstraps": 200 if few else 1_000, "rng": 0}
draws = {"n_permutations": 99 if few else 9_999} | bootstrap

# %% [markdown]
# ## The tables
#
# Rates are those of the counts. Compressibility is that of a JPEG file, as the published correlations have it.

# %%
predictors = {"resmem": "ResMem", "naturalness": "naturalness", "jpeg_compressibility": "compressibility"}
memories = {"corrected_recognition": "corrected", "hit_rate": "hit rate", "false_alarm_rate": "false-alarm rate"}
sets = {}
for name, which in (("first", "set1"), ("second", "set2")):
    scenes = mf.datasets.table("rim2025", which).to_dataframe().rename(columns=predictors | memories)
    assert np.allclose(scenes["hit rate"], scenes["hits"] / scenes["n_targets"])
    assert np.allclose(scenes["false-alarm rate"], scenes["false_alarms"] / scenes["n_foils"])
    assert np.allclose(scenes["corrected"], scenes["hit rate"] - scenes["false-alarm rate"])
    sets[name] = scenes
    old, new = scenes["n_targets"].mean(), scenes["n_foils"].mean()
    print(f"{name} set: {len(scenes)} scenes; answers to each: {old:.0f} when old, {new:.0f} when new")
assert [len(scenes) for scenes in sets.values()] == [375, 1_104]
assert not any(scenes.isna().any(axis=None) for scenes in sets.values())

# %% [markdown]
# ## The published figures
#
# To the digits that are printed. Hit and false-alarm rates have little to do with each other, in the second set nothing
# that shows: they are two properties of a scene, and corrected recognition is their difference.

# %%
printed = {
    ("naturalness", "corrected"): (-0.45, -0.42),
    ("compressibility", "corrected"): (-0.22, -0.18),
    ("naturalness", "ResMem"): (-0.55, -0.44),
    ("ResMem", "corrected"): (0.493, 0.545),
}
for (one, other), known in printed.items():
    ours = [pearsonr(scenes[one], scenes[other]).statistic for scenes in sets.values()]
    digits = 3 if one == "ResMem" else 2
    print(f"{one} and {other}: r = {ours[0]:+.{digits}f} and {ours[1]:+.{digits}f}")
    assert np.allclose(ours, known, atol=0.5 * 10**-digits)
apart = [spearmanr(scenes["hit rate"], scenes["false-alarm rate"]).statistic for scenes in sets.values()]
print(f"hit and false-alarm rates: ρ = {apart[0]:+.2f} and {apart[1]:+.2f}")
assert np.allclose(apart, (0.14, 0.00), atol=0.005)

# %% [markdown]
# ## What goes with what
#
# Each predictor with each of the three scores, and for p the largest correlation of the nine in each permutation.

# %%
columns = list(predictors.values())
plain = {}
for name, scenes in sets.items():
    measure = scenes[columns].to_xarray()
    plain[name] = mf.measures.profile(measure, scenes[list(memories.values())], method="pearson", **draws)
    assert plain[name].sizes == {"layer": 3, "score": 3}
    assert (plain[name]["n"] == len(scenes)).all()
    by_hand = pearsonr(scenes["ResMem"], scenes["false-alarm rate"]).statistic
    assert np.isclose(plain[name]["estimate"].sel(layer="ResMem", score="false-alarm rate"), by_hand)

# %% [markdown]
# ## Does ResMem predict more than naturalness does?
#
# Naturalness with its sign turned, so that both correlations are positive. They are correlations with the same scores,
# of predictors that go together: their difference is tested as one of dependent correlations.

# %%
ahead = {}
for name, scenes in sets.items():
    rivals = pd.DataFrame({"ResMem": scenes["ResMem"], "−naturalness": -scenes["naturalness"]})
    ahead[name] = mf.evaluation.compare(rivals, scenes["corrected"], **bootstrap).sel(metric="pearson").isel(contrast=0)
    # Steiger's test by hand: Fisher's z of both, and how much they vary together
    r = rivals.assign(corrected=scenes["corrected"]).corr().to_numpy()
    first, second, both = r[0, 2], r[1, 2], r[0, 1]
    pooled = (first + second) / 2
    shared = both * (1 - 2 * pooled**2) - pooled**2 / 2 * (1 - 2 * pooled**2 - both**2)
    z = (np.arctanh(first) - np.arctanh(second)) * np.sqrt((len(scenes) - 3) / (2 - 2 * shared / (1 - pooled**2) ** 2))
    assert np.isclose(ahead[name]["steiger_p"], 2 * norm.sf(abs(z)))
    print(
        f"{name} set: {first:.3f} − {second:.3f} = {ahead[name]['estimate']:+.3f} "
        f"[{ahead[name]['ci_low']:+.3f}, {ahead[name]['ci_high']:+.3f}]; Zou [{ahead[name]['zou_low']:+.3f}, "
        f"{ahead[name]['zou_high']:+.3f}], Steiger p = {ahead[name]['steiger_p']:.2g}"
    )

# %% [markdown]
# ## What is left when the other is known
#
# Partial correlations: of ResMem given naturalness, and given compressibility as well; of naturalness given ResMem; of
# naturalness given compressibility, which the authors take for a step between naturalness and memory. What is
# controlled for must be measured well, or some of it stays. How noisy mean ratings are follows from the spread and the
# number of ratings of each scene. p is corrected over the three scores of each row.

# %%
given = {
    "ResMem | naturalness": ("ResMem", ["naturalness"]),
    "ResMem | naturalness, compressibility": ("ResMem", ["naturalness", "compressibility"]),
    "naturalness | ResMem": ("naturalness", ["ResMem"]),
    "naturalness | compressibility": ("naturalness", ["compressibility"]),
}
left, noises = {}, {}
for name, scenes in sets.items():
    noise = (scenes["naturalness_sd"] ** 2 / scenes["n_naturalness"]).mean() / scenes["naturalness"].var()
    print(f"{name} set: noise is {noise:.3f} of the variance of naturalness")
    noises[name] = noise
    parts = [
        mf.measures.profile(
            scenes[[one]].to_xarray().rename({one: called}),
            scenes[list(memories.values())],
            covariates=scenes[others],
            method="pearson",
            **draws,
        )
        for called, (one, others) in given.items()
    ]
    left[name] = xr.concat(parts, "layer", combine_attrs="drop_conflicts")
    r = scenes[["ResMem", "corrected", "naturalness"]].corr().to_numpy()
    by_hand = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert np.isclose(left[name]["estimate"].sel(layer="ResMem | naturalness", score="corrected"), by_hand)

# %% [markdown]
# A straight line through ratings from 1 to 7 may miss a bend. So once more with scenes in ten groups of about equal
# naturalness, each group with its own mean of predictions and of scores.

# %%
alike = {}
for name, scenes in sets.items():
    tenth = pd.qcut(scenes["naturalness"], 10, labels=False)
    groups = pd.get_dummies(tenth, prefix="tenth", drop_first=True, dtype=float)
    measure = scenes[["ResMem"]].to_xarray()
    alike[name] = mf.measures.profile(
        measure, scenes[list(memories.values())], covariates=groups, method="pearson", **draws
    ).isel(layer=0)
    inside = scenes[["ResMem", "corrected"]] - scenes[["ResMem", "corrected"]].groupby(tenth).transform("mean")
    by_hand = pearsonr(inside["ResMem"], inside["corrected"]).statistic
    assert np.isclose(alike[name]["estimate"].sel(score="corrected"), by_hand)
    for score in memories.values():
        found = alike[name].sel(score=score)
        print(
            f"{name} set, equally natural: ResMem and {score} r = {found['estimate']:+.3f} "
            f"[{found['ci_low']:+.3f}, {found['ci_high']:+.3f}], corrected p = {found['p_corrected']:.4f}"
        )

# %%
colours = {"hit rate": "#0072B2", "false-alarm rate": "#D55E00", "corrected": "#222222"}
size = (180 / 25.4, 150 / 25.4)
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 1, figsize=size, sharex=True, sharey=True, layout="constrained")
    for ax, (name, scenes) in zip(panels, sets.items(), strict=True):
        groups = alike[name].expand_dims(layer=["ResMem | ten groups of naturalness"])
        rows = xr.concat([of[["estimate", "ci_low", "ci_high"]] for of in (plain[name], left[name], groups)], "layer")
        place = np.arange(rows.sizes["layer"])
        for shift, (score, colour) in zip((-0.2, 0, 0.2), colours.items(), strict=True):
            of = rows.sel(score=score)
            beyond = [of["estimate"] - of["ci_low"], of["ci_high"] - of["estimate"]]
            style = {"fmt": "o", "markersize": 3, "linewidth": 1, "color": colour}
            ax.errorbar(of["estimate"], place + shift, xerr=beyond, label=score, **style)
        ax.axvline(0, color="#888888", linewidth=0.7, linestyle="--")
        ax.set_yticks(place, rows["layer"].values)
        ax.set_title(f"{name.capitalize()} set, n = {len(scenes)} scenes", loc="left")
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, title="Correlation with", frameon=False)
    panels[1].set_xlabel("Pearson r, after | partial; 95 % intervals, bootstrap over scenes, uncorrected")
mf.plot.save(figure, figures / "17_natural_scenes", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Without noise in the scores
#
# The published reliabilities come from halves of the participants. From the tables, answers can only be dealt into
# halves one by one, which is another estimate: who says "old" to everything does so to old and to new scenes, which
# falls out of a difference of rates from the same people, and stays in where answers are dealt.

# %%
published = {"first": (0.699, 0.59), "second": (0.726, 0.64)}
counts = ["hits", "misses", "false_alarms", "correct_rejections"]
dealt, judged = {}, {}
for name, scenes in sets.items():
    halves = mf.scores.resplit(scenes[counts].reset_index(), n_splits=100, rng=0)
    dealt[name] = mf.scores.reliability(halves, method="pearson", **bootstrap)
    pair = halves["corrected_recognition"].isel(split=0).transpose("half", "image").values
    by_hand = pearsonr(*pair).statistic
    assert np.isclose(dealt[name]["correlation"].sel(measure="corrected_recognition")[0], by_hand)
    known, known_r = published[name]
    judged[name] = mf.evaluation.evaluate(
        scenes["ResMem"], scenes["corrected"], reliability={"spearman_brown": known}, **bootstrap
    )
    relative = judged[name].sel(metric="pearson_relative")
    assert np.isclose(relative["estimate"], pearsonr(scenes["ResMem"], scenes["corrected"]).statistic / np.sqrt(known))
    assert np.isclose(relative["estimate"], known_r, atol=0.005)
    by_answers = dealt[name]["reliability"].sel(measure="corrected_recognition").item()
    print(
        f"{name} set: reliability {known:.3f} from participants, {by_answers:.3f} from answers; without noise "
        f"r = {relative['estimate']:.2f} [{relative['ci_low']:.2f}, {relative['ci_high']:.2f}] or "
        f"{judged[name]['estimate'].sel(metric='pearson') / np.sqrt(by_answers):.2f}"
    )

# %% [markdown]
# ## Hits, or false alarms?
#
# Is it remembering that ResMem predicts, or not being misled? The two correlations of ResMem, that with false alarms
# turned round, in the same samples.

# %%
which = {}
for name, scenes in sets.items():
    rates = scenes[["hit rate"]].assign(**{"−false-alarm rate": -scenes["false-alarm rate"]}).to_xarray()
    which[name] = mf.measures.contrast(rates, scenes["ResMem"], method="pearson", **bootstrap).isel(contrast=0)
    assert np.isclose(which[name]["first_estimate"], plain[name]["estimate"].sel(layer="ResMem", score="hit rate"))
    assert np.isclose(
        which[name]["estimate"], plain[name]["estimate"].sel(layer="ResMem", score=list(colours)[:2]).sum("score")
    )

# %% [markdown]
# ## The answer

# %%


def told(found):
    return f"{found['estimate']:+.3f} [{found['ci_low']:+.3f}, {found['ci_high']:+.3f}]"


for name, scenes in sets.items():
    print(f"{name.capitalize()} set, {len(scenes)} scenes:")
    for layer in given:
        for score in colours:
            found = left[name].sel(layer=layer, score=score)
            print(f"  {layer}, {score}: {told(found)}, corrected p {found['p_corrected']:.4f}")
    for score, measure in {"hit rate": "hit_rate", "false-alarm rate": "false_alarm_rate"}.items():
        alone = plain[name].sel(layer="ResMem", score=score)
        reliable, p = (float(of) for of in (dealt[name]["reliability"].sel(measure=measure), alone["p_corrected"]))
        noiseless = alone["estimate"] / np.sqrt(reliable)
        print(f"  ResMem and {score}: {told(alone)}, corrected p {p:.4f}; {noiseless:+.2f} without noise")
        print(f"  reliability of the {score}, from answers: {reliable:.3f}")
    print(f"  hit rate − (−false-alarm rate): {told(which[name])}, p {which[name]['p']:.4f}")

# %% [markdown]
# All figures above come out of the tables to the digits that are printed. **ResMem knows more about scenes than how
# natural they are**: its correlations with corrected recognition, .49 and .55, are .33 and .44 given naturalness, and
# .36 and .44 with ten groups of naturalness instead of a straight line. Noise, .002 and .019 of the variance of the
# ratings, can hide next to nothing of naturalness. Beside naturalness alone ResMem does better by .05 in the first set,
# which may be nothing, and by .13 in the second. **And naturalness goes with memory where ResMem is held constant**
# (−.24 and −.23): a predictor that knew all about memory would leave nothing. Given compressibility, naturalness loses
# little, from −.45 to −.40 and from −.42 to −.39; that is a partial correlation, and not the mediation that the authors
# tested.
#
# **ResMem predicts hits (.50 and .49), and false alarms much less (−.13, which does not pass: corrected p = .08; and
# −.25)**, although both rates are measured about equally well (reliability .70 and .71, and .72 and .72, from answers).
# Among equally natural scenes of the first set, no correlation with false alarms can be seen (−.04 [−.13, .07]). ResMem
# was most likely trained on hit rates without correction for false alarms (inferred from its code), so this is as it
# should be. Whoever needs stimuli that are not taken for known should not choose them by these predictions alone.
#
# What differs from what was published: answers dealt one by one give corrected recognition a lower reliability (.66 and
# .70) than halves of the participants (.70 and .73). With tables of counts alone, correlations without noise come out a
# little too high.

# %%
# the prose above was written from these outputs: this keeps the two together


def both(results, **where):
    return [results[name]["estimate"].sel(where) for name in sets]


prose = {
    "ResMem": (both(plain, layer="ResMem", score="corrected"), [0.49, 0.55]),
    "given naturalness": (both(left, layer="ResMem | naturalness", score="corrected"), [0.33, 0.44]),
    "in ten groups": (both(alike, score="corrected"), [0.36, 0.44]),
    "ahead of naturalness": (both(ahead), [0.05, 0.13]),
    "naturalness, given ResMem": (both(left, layer="naturalness | ResMem", score="corrected"), [-0.24, -0.23]),
    "naturalness": (both(plain, layer="naturalness", score="corrected"), [-0.45, -0.42]),
    "given compressibility": (both(left, layer="naturalness | compressibility", score="corrected"), [-0.40, -0.39]),
    "hits": (both(plain, layer="ResMem", score="hit rate"), [0.50, 0.49]),
    "false alarms": (both(plain, layer="ResMem", score="false-alarm rate"), [-0.13, -0.25]),
    "equally natural": (both(alike, score="false-alarm rate")[:1], [-0.04]),
}
for name, (ours, said) in prose.items():
    assert [round(float(one), 2) for one in ours] == said, name
assert [round(noise, 3) for noise in noises.values()] == [0.002, 0.019]
if not few:
    known = {"corrected_recognition": [0.66, 0.70], "hit_rate": [0.70, 0.71], "false_alarm_rate": [0.72, 0.72]}
    for measure, said in known.items():
        assert [round(dealt[name]["reliability"].sel(measure=measure).item(), 2) for name in sets] == said, measure
    misled = alike["first"].sel(score="false-alarm rate")
    alone = {name: plain[name]["p_corrected"].sel(layer="ResMem", score="false-alarm rate").item() for name in sets}
    assert (round(alone["first"], 2), alone["second"] < 0.05) == (0.08, True)
    assert [round(misled[limit].item(), 2) for limit in ("ci_low", "ci_high")] == [-0.13, 0.07]
assert all((left[name]["p_corrected"].sel(score="corrected") < 0.05).all() for name in sets)
assert all(alike[name]["ci_low"].sel(score="corrected") > 0 for name in sets)
assert all(which[name]["ci_low"] > 0 for name in sets)
assert ahead["first"]["ci_low"] < 0 < ahead["second"]["ci_low"]

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
found = {"plain": plain, "left": left, "alike": alike, "ahead": ahead, "which": which, "dealt": dealt, "judged": judged}
saved = []
for what, of in found.items():
    joined = xr.concat(of.values(), pd.Index(of, name="set"), combine_attrs="drop_conflicts")
    named = joined.rename({old: f"{what}_{old}" for old in {*joined.variables, *joined.dims} - {"set"}})
    named.attrs = {f"{what}_{key}": value for key, value in joined.attrs.items()}
    saved.append(named)
results.mkdir(parents=True, exist_ok=True)
xr.merge(saved, combine_attrs="no_conflicts").to_netcdf(results / "17_natural_scenes.nc", engine="h5netcdf")
