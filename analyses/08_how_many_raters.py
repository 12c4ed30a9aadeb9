# %% [markdown]
# # How many raters does a memory score need?
#
# A hit rate is a mean over people, and others would have given another one. How many people make a score reliable, how
# far do hit rates, false-alarm rates and their difference need different numbers, and can the formula be trusted with
# which a pilot study is extrapolated?
#
# **Data.** No set comes with memfeat; `mf.datasets.citation` says where each is from. `MEMFEAT_DATA` must name a folder
# that holds all three:
#
# - `rocks480/`: old/new trials of four experiments with photographs of rocks (no publication found; files with dates
#   are of 2025; repository DaniilAzarov123/Rocks_Memorability), three of which are used here; the fourth has 43
#   participants;
# - `figrim/`: trials of 67 people in the laboratory with 630 scenes (Bylinskii et al., 2015);
# - `memcat/`: counts of answers to 10,000 photographs, without saying who gave them (Goetschalckx & Wagemans, 2019).
#
# Or your own: set `MEMFEAT_TRIALS` to a CSV with the columns `image`, `participant`, `truth` and `response` ("old" or
# "new"). A hit rate is counted in answers to the image as target, a false-alarm rate in answers to it as foil; where
# these are not equally many, the difference of both is counted in answers to targets, with foils in proportion.
#
# **Time.** A minute on one core. With `MEMFEAT_IMAGES` set to a number, only so many images of each set are used:
# enough to see that it runs, and for nothing else.
#
# **What was published.** Goetschalckx and others (2018) report that consistency grows with the number of answers to an
# image as Spearman and Brown's formula has it (from the abstract). For MemCat, .78 is given, from 99 answers to an
# image (read in a text of ResMem's authors). Correlations of random halves of the participants, recomputed from the
# trials by others: hit rates .81, false-alarm rates .88 and their difference .44 in the new version of the rocks' first
# experiment, .413, .496 and .084 in the old one, .539, .831 and .686 in Experiment 2b; .777 for MemCat's hit rates,
# from answers dealt into halves.
#
# **What this is worth.** Numbers of raters hold for raters and images like these, and for as wide a range of images:
# among images that are alike, differences are small and need more raters. Intervals are about other images, for the
# same participants.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
own = os.environ.get("MEMFEAT_TRIALS")
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
named = own is None
if named and not all((data / name).is_dir() for name in ("rocks480", "figrim", "memcat")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds rocks480, figrim and memcat, or MEMFEAT_TRIALS to your own trials."
    )
draws = {"n_splits": 100 if few else 1_000, "n_bootstraps": 200 if few else 1_000, "rng": 0}
n_subsets, least = (2, 20) if few else (30, 6)
measures = ["hit_rate", "false_alarm_rate", "corrected_recognition"]
target = 0.8

# %% [markdown]
# ## Trials
#
# One row per participant and image. Nobody is left out.

# %%
if named:
    rocks = mf.datasets.trials("rocks480")
    experiments = {"Exp1_New": "rocks 1, new", "Exp1_Old": "rocks 1, old", "Exp2b": "rocks 2b"}
    cases = {called: rocks[rocks["experiment"] == experiment] for experiment, called in experiments.items()}
    cases["scenes, laboratory"] = mf.datasets.trials("figrim")
else:
    cases = {"own trials": pd.read_csv(own)}
if few:
    cases = {name: some[some["image"].isin(sorted(some["image"].unique())[:few])] for name, some in cases.items()}
answers, alike = {}, {}
for name, some in cases.items():
    scored = mf.scores.from_trials(some)
    targets, foils = (round(float(scored[f"n_{kind}"].mean()), 1) for kind in ("targets", "foils"))
    answers[name] = {"hit_rate": targets, "false_alarm_rate": foils, "corrected_recognition": targets}
    alike[name] = spearmanr(scored["hit_rate"], scored["false_alarm_rate"]).statistic
    print(
        f"{name}: {len(some)} trials, {some['participant'].nunique()} participants, {scored.sizes['image']} images; "
        f"{targets:.1f} answers to each image as target, {foils:.1f} as foil; "
        f"ρ of hit and false-alarm rates {alike[name]:+.2f}"
    )
if named and not few:
    assert sum(some["participant"].nunique() for some in cases.values()) == 529 + 121 + 220 + 67

# %% [markdown]
# ## How reliable are they?
#
# `estimate` is the mean correlation of scores by two random halves of the participants, `reliability` that of the
# scores by all, stepped up after Spearman and Brown.

# %%
found = {name: mf.scores.split_half(some, measures=measures, **draws) for name, some in cases.items()}
for name, result in found.items():
    r = result["estimate"]
    assert np.allclose(result["reliability"], 2 * r / (1 + r))
    assert np.allclose(result["correlation"].mean("split"), r)
    columns = ["estimate", "ci_low", "ci_high", "spread", "reliability", "ceiling", "n", "n_sometimes_dropped"]
    print(f"{name}\n{result[columns].to_dataframe().round(3).to_string()}")

# %%
assert all(
    (result["n"] <= some["image"].nunique()).all() for result, some in zip(found.values(), cases.values(), strict=True)
)
assert all((result["ci_low"] <= result["ci_high"]).all() for result in found.values())

# %% [markdown]
# The known figures are means over random splits, too, over how many we do not know, and are given to two or three
# digits. Ours must lie within .01 of them.

# %%
known = {
    "rocks 1, new": [0.81, 0.88, 0.44],
    "rocks 1, old": [0.413, 0.496, 0.084],
    "rocks 2b": [0.539, 0.831, 0.686],
}
if named and not few:
    for name, figures_known in known.items():
        apart = found[name]["estimate"] - figures_known
        assert (np.abs(apart) <= 0.01).all()
        print(f"{name}: differs from the known figures by {', '.join(f'{one:+.4f}' for one in apart.values)}")

# %% [markdown]
# ## How many raters for .8?
#
# From the reliability *r* of *n* answers per image, *t* (1 − *r*) / (*r* (1 − *t*)) times as many give *t*. The
# interval steps the limits of *r* alike.

# %%


def needed(reliability, n):
    """Give the raters that reach the target; none do where scores are not reliable at all."""
    r = float(reliability)
    return mf.scores.n_raters(target, reliability={"spearman_brown": r}, n_raters=n) if 0 < r < 1 else np.nan


rows = {}
for name, result in found.items():
    for measure in measures:
        one = result.sel(measure=measure)
        limits = [needed(one[f"reliability{part}"], answers[name][measure]) for part in ("", "_ci_high", "_ci_low")]
        rows[name, measure] = {"answers": answers[name][measure], "reliability": float(one["reliability"])}
        rows[name, measure] |= dict(zip(("raters for .8", "from", "to"), limits, strict=True))
raters = pd.DataFrame(rows).T.rename_axis(["case", "measure"])
print(raters.round(3).to_string())
r, n = raters["reliability"], raters["answers"]
by_hand = np.ceil(n * target * (1 - r) / (r * (1 - target)) - 1e-9).where(r > 0)
assert np.allclose(raters["raters for .8"], by_hand, equal_nan=True)

# %% [markdown]
# ## Does the formula hold?
#
# Participants are left out at random, and what is left is split into halves again. The correlation of two halves of *h*
# answers each **is** the reliability of *h* answers: no formula is in it. Where it lies on the curve that was drawn
# from all participants, fewer could have told what more would give. Spearman and Brown's formula is about Pearson's
# correlation; whether it holds for rank correlations is asked as well. Halves of fewer than six answers or 20 people
# are left out.

# %%
generator = np.random.default_rng(0)
by_method = {
    "spearman": found,
    "pearson": {
        name: mf.scores.split_half(some, measures=measures, method="pearson", **draws) for name, some in cases.items()
    },
}
rows = []
for name, some in cases.items():
    people = some["participant"].unique()
    for share in (0.1, 0.2, 0.4, 0.6, 0.8):
        half = {measure: n * share / 2 for measure, n in answers[name].items()}
        if min(half.values()) < least or share * len(people) < 40:
            continue
        for subset in range(n_subsets):
            kept = generator.choice(people, round(share * len(people)), replace=False)
            fewer = some[some["participant"].isin(kept)]
            for method in by_method:
                one = mf.scores.split_half(
                    fewer, measures=measures, method=method, n_splits=20, n_bootstraps=0, rng=subset
                )
                told = {"method": method, "case": name}
                rows += [
                    told | {"measure": measure, "answers": half[measure], "observed": float(r)}
                    for measure, r in zip(measures, one["estimate"].sel(measure=measures).values, strict=True)
                ]
by = ["method", "case", "measure", "answers"]
thinned = pd.DataFrame(rows, columns=[*by, "observed"]).groupby(by)["observed"].mean().reset_index()
for part in ("estimate", "ci_low", "ci_high"):
    thinned[part] = [
        float(
            mf.scores.by_raters(
                whole.sel(measure=row.measure), n_raters=answers[row.case][row.measure], at=[row.answers]
            )[part].item()
        )
        if (whole := by_method[row.method][row.case])["reliability"].sel(measure=row.measure) > 0
        else np.nan
        for row in thinned.itertuples()
    ]
thinned = thinned.rename(columns={"estimate": "expected"})
thinned["apart"] = thinned["observed"] - thinned["expected"]
print(thinned.round(3).to_string(index=False))
summary = thinned.groupby(["method", "case"])["apart"].agg(["mean", "min", "max"])
print(summary.round(3).to_string())
assert (thinned["answers"] >= least).all()
inside = thinned["observed"].between(thinned["ci_low"], thinned["ci_high"]).groupby(thinned["method"]).mean()
print("share of observed values inside the interval of the curve:", inside.round(3).to_dict())
if named and not few:
    assert inside["pearson"] == 1

# %% [markdown]
# Curves are drawn to four times the answers that there were, or just past what hit and false-alarm rates need for .8,
# unless that is more than ten times as many. All curves of a panel are drawn over answers to targets, with foils in
# proportion.

# %%
in_targets = pd.Series({(name, of): answers[name]["hit_rate"] / answers[name][of] for name, of in raters.index})
wanted = raters["raters for .8"] * in_targets
curves, beyond = {}, {}
for name, result in found.items():
    n = answers[name]["hit_rate"]
    simple = wanted[name][["hit_rate", "false_alarm_rate"]]
    end = np.nanmax([4 * n, *(1.1 * simple[simple <= 10 * n])])
    curves[name] = mf.scores.by_raters(
        result.sel(measure=result["reliability"] > 0), n_raters=n, at=np.unique(np.round(np.geomspace(1, end, 100)))
    )
    beyond[name] = wanted[name][wanted[name] > end]
    outside = ", ".join(f"{of.replace('_', ' ')} {one:.0f}" for of, one in beyond[name].items())
    print(f"{name}: curves end at {end:.0f} answers; beyond lie {outside or 'none'}")
for name, curve in curves.items():
    r, k = curve["measured"], curve["n_raters"] / answers[name]["hit_rate"]
    assert np.allclose(curve["estimate"], (k * r / (1 + (k - 1) * r)).transpose("measure", "n_raters"))
with plt.rc_context(mf.plot.STYLE):
    rows = -(-len(curves) // 2)
    figure, panels = plt.subplots(rows, 2, figsize=(180 / 25.4, 70 * rows / 25.4), layout="constrained", squeeze=False)
    for ax, (name, curve) in zip(panels.flat, curves.items(), strict=False):
        mf.plot.reliability(curve, target=target, ax=ax)
        lines = {line.get_label().replace(" ", "_"): line.get_color() for line in ax.get_lines()}
        for measure in curve["measure"].values:
            seen = thinned.query("case == @name and measure == @measure and method == 'spearman'")
            at = seen["answers"] * in_targets[name, measure]
            ax.plot(at, seen["observed"], "x", color=lines[measure], markersize=5, zorder=5)
        counted = f"n = {curve.attrs['n_images']} images, {curve.attrs['n_measured']:g} raters"
        dropped = int(found[name]["n_sometimes_dropped"].max())
        counted += f";\nup to {dropped} images left out of some splits" if dropped else ""
        outside = "; ".join(
            f"{of.replace('_', ' ')}: {target} at {one:,.0f} raters" for of, one in beyond[name].items()
        )
        counted += f";\n{outside}" if outside else ""
        ax.set_title(f"{name[:1].upper()}{name[1:]}: {counted}", loc="left", fontsize=7)
        # below, where no band lies
        ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=3, frameon=False, columnspacing=1)
    for ax in list(panels.flat)[len(curves) :]:
        ax.set_axis_off()
    # what is the same in all panels is said once
    marks = "dot: measured with all raters; line: expected from it (Spearman–Brown); ×: observed with fewer raters"
    figure.supxlabel(f"{marks};\nband: {curve.attrs['interval']}; dashed: {target}, aimed at", fontsize=6.5)
mf.plot.save(figure, figures / "08_how_many_raters", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Counts without names
#
# Where it is not known who answered, answers to each image can be dealt into halves. Fewer answers are drawn from
# MemCat's counts, and reliability is compared with the curve in the same way.

# %%
dealt_out = []
if named:
    memcat = mf.datasets.load("memcat").isel(image=slice(few or None))
    counts = memcat[["hits", "misses"]].to_dataframe()[["hits", "misses"]]
    n = float(memcat["n_targets"].mean())
    dealt = mf.scores.resplit(counts, n_splits=25, rng=0)
    whole = mf.scores.reliability(dealt, n_bootstraps=200, rng=0).sel(measure="hit_rate")
    if not few:
        assert abs(whole["estimate"] - 0.777) <= 0.01
    for_memcat = needed(whole["reliability"], n)
    print(
        f"MemCat, {len(counts)} images, {n:.1f} answers: half against half {whole['estimate']:.4f} "
        f"[{whole['ci_low']:.4f}, {whole['ci_high']:.4f}]; answers for {target}: {for_memcat}"
    )
    for k in (8, 16, 32, 64):
        asked = np.minimum(k, counts.sum(axis=1))
        drawn = generator.hypergeometric(counts["hits"], counts["misses"], asked)
        fewer = mf.scores.resplit(counts.assign(hits=drawn, misses=asked - drawn), n_splits=5, rng=0)
        for method in ("spearman", "pearson"):
            all_of = mf.scores.reliability(dealt, method=method, n_bootstraps=0)["reliability"].item()
            expected = mf.scores.by_raters({"spearman_brown": all_of}, n_raters=n, at=[k / 2])["estimate"].item()
            observed = mf.scores.reliability(fewer, method=method, n_bootstraps=0)["estimate"].item()
            print(f"{k // 2:3d} answers, {method}: observed {observed:.3f}, expected {expected:.3f}")
            dealt_out.append({"method": method, "answers": k // 2, "observed": observed, "expected": expected})

# %% [markdown]
# ## More raters or more images?
#
# To show that something correlates .3 with the true scores (power .8, two-sided, Spearman), how many images are needed
# with so many answers to each?

# %%
rows = {}
for name, result in found.items():
    one = result.sel(measure="hit_rate")
    if one["reliability"] > 0:
        at = [5, 10, 20, 40, 80, 160]
        curve = mf.scores.by_raters(one, n_raters=answers[name]["hit_rate"], at=at)["estimate"]
        rows[name] = {
            f"{k} answers": mf.scores.n_images(0.3, reliability={"spearman_brown": float(r)})
            for k, r in zip(at, curve.values, strict=True)
        }
images = pd.DataFrame(rows).T
print(f"images for a correlation of .3 with hit rates; without noise {mf.scores.n_images(0.3)}\n{images.to_string()}")
totals = images * [int(name.split()[0]) for name in images]
print(f"all answers to targets, images × answers\n{totals.to_string()}")
assert (images.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)

# %% [markdown]
# ## The answer

# %%
for measure in measures:
    said = [
        f"{name} {row['raters for .8']:.0f} [{row['from']:.0f}, {row['to']:.0f}]"
        for (name, of), row in raters.iterrows()
        if of == measure
    ]
    print(f"{measure.replace('_', ' ')}, answers for a reliability of {target}: {'; '.join(said)}")

# %% [markdown]
# Each figure of the answer below, at the digits in which it is given there: that keeps what is said and what is printed
# together.

# %%
said = {}
if named and not few:
    many = raters["raters for .8"].unstack("case")
    rocks_only, scenes = ["rocks 1, new", "rocks 1, old", "rocks 2b"], "scenes, laboratory"
    limits = raters.loc[(scenes, "hit_rate"), ["raters for .8", "from", "to"]]
    memcat_by = pd.DataFrame(dealt_out).set_index(["method", "answers"])
    less = memcat_by["expected"] - memcat_by["observed"]
    times = totals["80 answers"] / totals["10 answers"]
    assert {name: list(of.index) for name, of in beyond.items() if len(of)} == {
        "rocks 1, old": ["corrected_recognition"]
    }
    assert int(found[scenes]["n_sometimes_dropped"].max()) == 115
    said = {
        "scenes, hits": (limits, [75, 60, 96], 0),
        "rocks, hits": (many.loc["hit_rate", rocks_only], [123, 175, 193], 0),
        "rocks, false alarms": (many.loc["false_alarm_rate", rocks_only], [72, 125, 45], 0),
        "scenes, false alarms": (many.loc["false_alarm_rate", scenes], 117, 0),
        "difference": (many.loc["corrected_recognition", [*rocks_only, scenes]], [665, 1427, 101, 73], 0),
        "MemCat": (for_memcat, 58, 0),
        "hits and false alarms": ([alike[name] for name in (*rocks_only, scenes)], [0.82, 0.58, 0.27, 0.03], 2),
        "Pearson, largest": (thinned.query("method == 'pearson'")["apart"].abs().max(), 0.02, 2),
        "MemCat, Pearson, all within .005": (less["pearson"].abs().max() < 0.005, True, 0),
        "MemCat, four answers": (memcat_by.loc[("spearman", 4), ["expected", "observed"]], [0.22, 0.24], 2),
        "rocks 2b, ranks": (summary.loc[("spearman", "rocks 2b"), "mean"], 0.02, 2),
        "images, 10 answers": ([images["10 answers"].min(), images["10 answers"].max()], [249, 506], 0),
        "images, 80 answers": ([images["80 answers"].min(), images["80 answers"].max()], [107, 139], 0),
        "times as many": ([times.min(), times.max()], [2.2, 3.4], 1),
    }
wrong = {name: one for name, (*one, digits) in said.items() if not np.array_equal(np.round(one[0], digits), one[1])}
assert not wrong, wrong

# %% [markdown]
# **It depends on what is scored.** For a reliability of .8 a scene in the laboratory needs 75 answers [60, 96] for its
# hit rate, and a rock 123 to 193; MemCat's photographs need 58. False-alarm rates of rocks need fewer, 45 to 125, those
# of scenes more, 117. The difference of both needs 73 answers for scenes and 101 for the rocks of 2b, and 665 and 1,427
# in the two versions of the first experiment, where rocks that are recognised more often are also more often taken for
# known (ρ = .82 and .58, against .03 and .27): subtracting removes what both rates share, and leaves the noise of both.
# The known reliabilities are reproduced to within .01.
#
# **The formula holds.** From all participants it tells the reliability that fewer of them have, within .02 for
# Pearson's correlation in all four experiments, and within .005 in MemCat. For rank correlations it tells a little too
# little of few answers (MemCat, four answers: .22 where .24 is observed; rocks 2b .02 too little on average). Turned
# round: a small pilot judged by ranks promises a little too much.
#
# **Many images with few answers are cheaper than few with many**, as far as a correlation over images is what is looked
# for: with 10 answers to each image 249 to 506 images are needed, and with 80 answers 107 to 139, which is 2.2 to 3.4
# times as many answers. Whoever needs the score of each single image needs the answers.
#
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = raters.rename(columns={"raters for .8": "raters", "from": "raters_ci_low", "to": "raters_ci_high"}).to_xarray()
curve = thinned.set_index(by).add_prefix("thinned_")
saved = saved.merge(curve.rename_axis(index={"answers": "answers_of_half"}).to_xarray(), join="outer")
if dealt_out:
    counted = pd.DataFrame(dealt_out).set_index(["method", "answers"]).add_prefix("memcat_")
    saved = saved.merge(counted.rename_axis(index={"answers": "memcat_answers"}).to_xarray(), join="outer")
saved = saved.merge(images.rename_axis("case").to_xarray().to_dataarray("at", name="images"), join="outer")
saved.attrs = {f"split_half_{key}": value for key, value in next(iter(found.values())).attrs.items()} | {
    "target": target
}
results.mkdir(parents=True, exist_ok=True)
saved.to_netcdf(results / "08_how_many_raters.nc", engine="h5netcdf")
