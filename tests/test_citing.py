"""From results to a methods section: what is told, that it is told of every kind, and the works behind it."""

import ast
import functools
import inspect
import json
import re
from dataclasses import replace
from pathlib import Path

import made
import numpy as np
import pandas as pd
import pytest
import test_project
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_pictures, reused
from PIL import Image
from torchvision.transforms._presets import ImageClassification

import memfeat as mf
from memfeat import _frames
from memfeat.citing import kinds, styles
from memfeat.citing.inference import SHARED
from memfeat.citing.reading import facts_of
from memfeat.citing.works import works
from memfeat.errors import ArgumentError, CircularWarning, KindError, MemfeatWarning, MissingFileError, RetrainedWarning
from memfeat.models.preprocessing import described

ROOT = Path(__file__).parents[1]
#: Public functions whose results say nothing of how they were made, or are no results.
NO_RESULT = {
    "citing", "demo", "errors", "guards", "models", "plot", "report", "stats",
    "datasets.catalogue", "datasets.check", "datasets.citation", "datasets.fetch", "datasets.tables",
    "activations.extract_shard", "activations.prepare", "features.to_frame", "gram.linear", "gram.squared_distances",
    "images.decode", "images.decode_file", "images.ledger", "measures.hoyer", "measures.treves_rolls",
    "rdm.features_from_rsatoolbox", "rdm.features_to_rsatoolbox", "rdm.from_rsatoolbox", "rdm.read",
    "rdm.to_condensed", "rdm.to_frame", "rdm.to_rsatoolbox", "regression.top_units", "scores.n_images",
    "scores.n_raters", "scores.to_long", "sets.paragraph", "sets.table", "sets.to_csv", "training.lamem",
    "training.lamem_and_memcat", "training.memcat",
}  # fmt: skip
KIND_OF = {
    "datasets.load": "published set", "datasets.load scores": "published set", "datasets.table": "published set",
    "datasets.table layers": "published set", "datasets.trials": "published set", "images.by_clip": "clips",
    "images.read": "images", "images.transform": "images", "images.thumbnails": "thumbnails",
    "lowlevel.statistics": "low-level statistics", "lowlevel.gist": "given features",
    "lowlevel.perceptual_hash": "perceptual hashes", "predict": "predictions", "extract": "features",
    "features.from_array": "given features", "features.from_table": "given features", "gram.compute": "Gram matrices",
    "rdm.compute": "RDMs", "rdm.from_scores": "model RDM", "rdm.from_categories": "model RDM",
    "rdm.from_column": "model RDM", "rdm.from_coordinates": "measured RDMs", "rdm.from_square": "given RDMs",
    "rdm.from_condensed": "given RDMs", "rdm.from_frame": "given RDMs", "rdm.select": "RDMs", "rdm.square": "RDMs",
    "rdm.from_similarity": "measured RDMs", "rsa.compare": "RSA", "rsa.compare participants": "RSA",
    "rsa.contrast": "RSA contrast", "rsa.partial": "partial RSA", "rsa.adjusted": "adjusted RSA",
    "rsa.compare of participants": "RSA", "rsa.compare of both": "RSA", "rsa.contrast several": "RSA contrast",
    "rsa.contrast of participants": "RSA contrast", "rsa.contrast of both": "RSA contrast",
    "rsa.partial of participants": "partial RSA",
    "rsa.partition": "partition of RDMs", "rsa.weighted": "weighted RSA", "rsa.frame": "given features",
    "rsa.split": "split distances", "rsa.unframe": "unframed distances", "rsa.cluster": "RSA along time",
    "regression.decode": "decoding", "regression.contrast": "contrast of decoding", "regression.partition": "partition",
    "regression.unitwise": "single units", "regression.patterns": "patterns", "reduction.embed": "embedding",
    "reduction.embed tsne": "embedding", "reduction.dimensionality": "dimensionality", "reduction.cka": "CKA",
    "reduction.svcca": "SVCCA", "reduction.procrustes": "Procrustes", "reduction.project": "projection",
    "reduction.relate": "components and scores", "reduction.scree": "parallel analysis",
    "measures.learn_dictionary": "dictionary", "measures.profile": "profile",
    "measures.contrast": "contrast of profile",
    "scores.from_trials": "scores", "scores.rates": "scores", "scores.split_half": "reliability",
    "scores.reliability": "reliability", "scores.halves": "halves", "scores.resplit": "halves",
    "scores.read_halves": "halves", "scores.by_raters": "reliability by raters", "scores.exclude": "exclusion",
    "scores.lag_corrected": "lag-corrected scores", "scores.mixed_model": "mixed model", "scores.roc": "ROC",
    "evaluation.evaluate": "evaluation", "evaluation.compare": "predictors",
    "evaluation.by_category": "evaluation by category", "evaluation.calibration_curve": "calibration",
    "evaluation.error_by_cutoff": "error by cut-off", "evaluation.score_distributions": "distributions",
    "evaluation.training_overlap": "training overlap", "prediction.recalibrate": "recalibration",
    "prediction.rescale": "recalibration", "drift.compare": "drift", "drift.units": "drift of units",
    "sets.compare": "sets", "sets.compare_features": "sets in feature space", "sets.near_duplicates": "near-duplicates",
    "sets.match": "matched sets", "sets.split": "lists", "sets.balance": "balance", "sets.sequence": "sequence",
    "training.fit_head": "head", "screening.check": "screening", "attribution.attribute": "attribution",
    "attribution.maximise": "maximisation", "attribution.top_images": "top images", "attribution.crops": "crops",
    "attribution.receptive_field": "receptive field",
}  # fmt: skip
#: Results that have a seed, of which nothing was drawn: t tests, and the jackknife of a single contrast.
UNDRAWN = {
    "rsa.compare of participants", "rsa.contrast", "rsa.contrast of participants", "rsa.partial of participants",
}  # fmt: skip
#: Attributes that are numbers a reader needs.
NUMBERS = ("n_folds", "folds", "n_splits", "n_trials", "n_draws", "n_participants", "reference_lag", "k", "n_context",
           "n_components", "steps", "pool_n")  # fmt: skip
#: What no sentence has: braces of a format, marks of citations, gaps where a word should be.
WRONG = ("{", "}", "[@", "  ", " .", " ,", "..", "()", ",,", "p_corrected", ";;", ": .")


@functools.cache
def result(name: str):
    return made.MADE[name]()


def told(*results) -> str:
    """The methods without the sentence about versions, in which every number may stand."""
    return mf.citing.methods(*results).partition(" Analyses were done")[0]


# --- every kind -----------------------------------------------------------------------------------------------------


def test_every_public_function_that_gives_a_result_is_told_of():
    given = {name.partition(" ")[0] for name in made.MADE}
    short = {"activations.extract": "extract", "prediction.predict": "predict"}
    missing = []
    for full, thing in test_project.DOCUMENTED:
        name = full.removeprefix("memfeat.")
        known = {name, name.partition(".")[0]} & NO_RESULT or short.get(name, name) in given
        if inspect.isfunction(thing) and not known:
            missing.append(name)
    assert missing == [], "give each a call in tests/made.py, or say in NO_RESULT that it gives no result"


def test_every_kind_has_a_result_that_is_of_it():
    measures = {name: "measure" for name in made.MADE if name.startswith("measures.") and name not in KIND_OF}
    assert set(made.MADE) == set(KIND_OF) | set(measures)
    assert {*KIND_OF.values(), *measures.values()} == set(kinds.KINDS)


@pytest.mark.parametrize("name", made.MADE)
def test_a_result_is_of_its_kind_and_of_no_other_before_it(name):
    assert kinds.kind_of(facts_of(result(name))) == KIND_OF.get(name, "measure")


@pytest.mark.parametrize("name", made.MADE)
def test_sentences_read_as_sentences(name):
    text = mf.citing.methods(result(name))
    assert text == mf.citing.methods(result(name))
    assert text.partition(" Before you submit, ")[0].endswith("record that of memfeat only).")
    assert re.findall(r"\b(None|nan|NaN)\b", text) == []
    for wrong in WRONG:
        assert wrong not in text, wrong
    assert re.findall(r"\. [a-z]", text.replace("et al. ", "")) in ([], [". d"])
    assert re.findall(r"(?:^|\. )\d+", text) == [], "no sentence begins with a numeral"
    assert text.count("(") == text.count(")")
    assert re.findall(r"\(Seed|Array\(|<xarray", text) == []


@pytest.mark.parametrize("name", made.MADE)
def test_the_numbers_of_a_result_are_told(name):
    facts, text = facts_of(result(name)), told(result(name))
    for number in NUMBERS:
        if facts.has(number) and np.size(facts.attrs[number]) == 1:
            assert re.search(rf"\b{facts.number(number):,.0f}\b", text), number
    if facts.has("seed"):
        assert (f"seed of random draws was {facts.text('seed')}." in text) == (name not in UNDRAWN)
    of_images = facts.text("resample", "images") == "images"
    if any(facts.finite(p).size for p in ("p", "p_corrected")) and facts.number("n_permutations") and of_images:
        assert "19 permutations" in text
    if facts.counts[1] and name not in ("sets.compare", "sets.compare_features", "scores.roc", "sets.balance"):
        assert re.search(rf"\b{facts.counts[1]}\b", text)


@pytest.mark.parametrize("name", made.MADE)
def test_references_are_those_that_the_text_cites(name):
    latex = mf.citing.methods(result(name), style="latex")
    cited = {key for mark in re.findall(r"\\citep\{([^}]+)\}", latex) for key in mark.split(",")}
    entries = mf.citing.references(result(name), style="bibtex")
    assert {re.match(r"@\w+\{(\w+),", entry)[1] for entry in entries} == cited
    assert {"memfeat", "hoyer2017"} <= cited
    assert {item["id"] for item in map(json.loads, mf.citing.references(result(name), style="csl-json"))} == cited


# --- what is told, checked by hand ----------------------------------------------------------------------------------


def test_a_comparison_of_rdms_is_told_in_full():
    assert told(result("rsa.compare")) == (
        "RDMs of 12 images in 2 layers (conv and fc), with 1 − Pearson's correlation as dissimilarity, were compared "
        "with the model “both memorable”, in which images are the more alike the more memorable both are (Bainbridge "
        "et al., "
        "2017; Bainbridge & Rissman, 2018), by Spearman's rank correlation (Spearman, 1904) over pairs of images "
        "(Kriegeskorte et al., 2008; Nili et al., 2014). The null hypothesis was that which image is which in the "
        "reference is unrelated to the layers (Mantel, 1967). Two-sided p-values come from 19 permutations of images, "
        "with p = (b + 1) / (m + 1) (Phipson & Smyth, 2010). P-values were corrected by the maximum statistic over all "
        "comparisons (Nichols & Holmes, 2002; Westfall & Young, 1993), and also for the false discovery rate by the "
        "Benjamini–Hochberg procedure over them (Benjamini & Hochberg, 1995). Intervals are 95 % confidence intervals: "
        "expanded percentile bootstrap over images; 20 bootstrap samples (Hesterberg, 2015). The seed of random draws "
        "was 7."
    )


@pytest.mark.parametrize(
    ("name", "sentences"),
    {
        "regression.decode": ["Scores (hit_rate) of 12 images were predicted from 2 layers (conv and fc) by ridge "
                              "regression (Hoerl & Kennard, 1970), out of fold.", "There were 5 folds.",
                              "Penalties were chosen by leave-one-out squared error in each training fold (Allen, 1974"
                              ").", "One-sided (greater) p-values come from 19 permutations of images"],
        "regression.unitwise": ["p-values come from Student's t, those of the maximum statistic from 19 permutations"],
        "regression.partition": ["Intervals are 95 % confidence intervals: Student's t, jackknife over images"],
        "rsa.contrast": [
            "For 1 pair of layers, over 12 images, the difference in agreement with the model “both memorable”",
            "Two-sided p-values come from Student's t, with the jackknife's standard error (Efron & Stein, 1981). "
            "Intervals are 95 % confidence intervals: Student's t, jackknife over images, paired (Efron & Stein, 1981)."
        ],
        "rsa.contrast several": [
            "For 1 pair of models, over 12 images, the difference in how well they agree with 2 layers (conv and fc)",
            "with the jackknife's standard error (Efron & Stein, 1981); those of the largest deviation from 20 "
            "bootstrap samples. P-values were corrected by the largest deviation of all contrasts in the same",
        ],
        "rsa.contrast of participants": [
            "Inference is to the population of participants.",
            "Two-sided p-values come from paired t tests over participants. P-values were corrected by Holm's",
            "Intervals are 95 % confidence intervals: Student's t over participants, paired.",
        ],
        "rsa.contrast of both": [
            "Inference is to the populations of participants and of images.",
            "Two-sided p-values come from Student's t, with the standard error of the corrected two-factor bootstrap "
            "over images and participants (20 bootstrap samples) and degrees of freedom after Satterthwaite "
            "(Satterthwaite, 1946; Schütt et al., 2023).",
            "Student's t, corrected two-factor bootstrap over images and participants, paired; 20 bootstrap samples "
            "(Schütt et al., 2023).",
        ],
        "rsa.compare of both": [
            "Two-sided p-values come from Student's t, with the standard error of the corrected two-factor bootstrap "
            "over images and participants (20 bootstrap samples)",
            "P-values were corrected by Holm's procedure over all comparisons",
        ],
        "rsa.compare of participants": [
            "The null hypothesis was that the mean similarity over the population of participants is 0 (random effects"
            "). Two-sided p-values come from one-sample t tests over participants. P-values were corrected by Holm's",
        ],
        "rsa.partial of participants": ["P-values come from one-sample t tests over participants."],
        "rsa.adjusted": ["Covariates (hit_rate) were regressed out", "(Freedman & Lane, 1983; Winkler et al., 2014)"],
        "rsa.cluster": ["19 permutations of signs of participants", "There were 6 participants",
                        "mass of clusters (Maris & Oostenveld, 2007)"],
        "rsa.frame": ["Features of 12 images"],
        "scores.from_trials": ["Hit rates, false-alarm rates, d′, the criterion, corrected recognition and accuracy of "
                               "12 images were computed from 192 answers of 8 participants (Macmillan & Creelman",
                               "were corrected: log-linear (Hautus, 1995).",
                               "intervals: Wilson for rates and accuracy, Newcombe for corrected recognition, the "
                               "delta method for d′ and the criterion (Brown et al., 2001; Gourevitch & Galanter, "
                               "1967; Newcombe, 1998; Wilson, 1927)."],
        "scores.split_half": ["20 splits; images with fewer than 2 responses in a half were dropped",
                              "Spearman–Brown formula (Brown, 1910; Spearman, 1910)"],
        "scores.exclude": ["Excluded were 0 of 8 participants (limits: false alarm rate 0.7)."],
        "sets.compare": ["The image sets old (n = 6) and new (n = 6) were compared by hit_rate"],
        "evaluation.evaluate": [
            "Intervals are 95 % confidence intervals: the bias-corrected accelerated bootstrap of correlations and "
            "errors, Student's t of the mean error, order statistics of quantiles of the error, the delta method of "
            "the share of errors below their root mean square and Wilson's of shares at a floor, over images with "
            "predictions held fixed; 20 bootstrap samples (Brown et al., 2001; Efron, 1987; Nyblom, 1992; "
            "Wilson, 1927).",
        ],
        "evaluation.by_category": [
            "95 % confidence intervals: the bias-corrected accelerated bootstrap of correlations and errors, Student's",
        ],
        "sets.match": ["From a pool of 40 images, 2 sets (A and B) of 5 images each were chosen.",
                       "No p-values are given"],
        "evaluation.compare": ["corrected by Holm's procedure over the contrasts of a metric (Holm, 1979)."],
        "training.fit_head": ["fitted to 8 images, and 4 images were held out (drawn with seed 7)."],
        "evaluation.training_overlap": ["Of 12 images, 3 were recognised as training data of the predictor."],
        "measures.density": ["to the k-th nearest image (k = 5) (Loftsgaarden & Quesenberry, 1965)"],
        "measures.magnitude": ["response magnitude (Jaegle et al., 2019), the Euclidean norm of features."],
        "measures.profile": ["Response magnitude in 2 layers (conv and fc) was related to hit_rate of 12 images"],
        "reduction.embed tsne": ["embedded in 2 dimensions by t-SNE (van der Maaten & Hinton, 2008) (max iter 1000, "
                                 "perplexity 3)."],
        "attribution.maximise": [("with Adam (Kingma & Ba, 2015) (blur 0, jitter 8, learning rate 0.05, rotate 5, "
                                 "steps 2, total variation 0, zoom 0.1)")],
        "datasets.load": ["Photographs and scores of 12 images came from the published set “LNSIM” (Lu et al., 2020)."],
        "datasets.load scores": ["Scores of 12 images came from the published set “Distinctiveness and reconstruction "
                                 "error by layer” (Lin et al., 2024)."],
        "datasets.table": ["The table “halves” of 12 images came from", "It holds 1 split of the participants"],
        "datasets.trials": ["Trials of 12 images came from the published set “FIGRIM” (Bylinskii et al., 2015)."],
        "images.by_clip": ["The network was mine", "Values of frames (memorability) were brought together by clip, by "
                           "the mean over frames: 4 clips of 3 frames each."],
        "images.transform": ["Images were turned to greys of the same luminance."],
        "screening.check": ["In all, 12 images were screened;", "Of these, 12 were unlike photographs, none had a near-"
                            "duplicate, 12 had a shorter side of less than 128 pixels, and none were so long that "
                            "ResMem sees them squashed."],
        "extract": ["the central 8 × 8 pixels were used.", "read from 2 layers (0 and 3), averaged over positions"],
    }.items(),
)  # fmt: skip
def test_what_is_told(name, sentences):
    text = told(result(name))
    assert [one for one in sentences if one not in text] == []


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("attribution.attribute", "integrated_gradients", "mapped by integrated gradients (Sundararajan et al., 2017)"),
        ("attribution.attribute", "occlusion", "mapped by occlusion (Zeiler & Fergus, 2014)"),
        (
            "measures.profile",
            "normal_scores correlation by layer",
            "correlation of normal scores (van der Waerden, 1952)",
        ),
    ],
)
def test_methods_are_told_with_their_source(name, given, sentence):
    assert sentence in told(result(name).assign_attrs(method=given))


def test_intervals_of_an_evaluation_are_told_as_far_as_there_are_any():
    few = mf.evaluation.evaluate(made.predictions(), made.scores(), n_bootstraps=0)
    text = told(few)
    assert (
        "Intervals are 95 % confidence intervals: Wilson's of shares at a floor (Brown et al., 2001; Wilson, 1927)."
        in text
    )
    assert "bootstrap" not in text
    whole = {"blocks": pd.Series([f"s{k // 2}" for k in range(made.N)], made.names(), name="scene"), "permute": "whole"}
    text = told(mf.evaluation.evaluate(made.predictions(), made.scores(), n_bootstraps=20, **whole))
    assert "the percentile bootstrap of quantiles of the error" in text
    assert "Nyblom" not in text


def versions(paired: bool, n_sets: int = 2, **options):
    """Compare scores of sets, in pairs or not."""
    rng = np.random.default_rng(0)
    whole = pd.DataFrame({"image": made.names(), "hit_rate": rng.uniform(0.3, 0.9, made.N)})
    sets = {}
    for number in range(n_sets):
        noisy = whole.assign(hit_rate=whole["hit_rate"] + rng.normal(0, 0.05, made.N))
        sets[f"v{number}"] = noisy if paired else noisy.assign(image=[f"{number}_{name}" for name in noisy["image"]])
    return mf.sets.compare(
        sets, values="hit_rate", paired=paired, **{"n_permutations": 19, "n_bootstraps": 19, **options}
    )


def test_versions_of_the_same_originals_are_told_as_pairs():
    text = told(versions(paired=True))
    for sentence in (
        "hit_rate (units are versions of the same originals, compared in pairs): the difference of means",
        "d_z (Lakens, 2013), Cliff's δ",
        "P-values come from 19 permutations of the versions of each original, with p = (b + 1) / (m + 1) (Phipson & "
        "Smyth, 2010); that of Wilcoxon's W from a formula.",
        "expanded percentile bootstrap of the difference of means, studentised bootstrap of d_z and Feng and Cliff of "
        "Cliff's δ, AUC and paired δ; 19 bootstrap samples",
    ):
        assert sentence in text
    assert "Hedges" not in text


def test_intervals_and_formulas_of_sets_are_those_of_what_was_computed():
    found = versions(paired=False)
    text = told(found)
    assert "(Phipson & Smyth, 2010); that of Mann and Whitney's U from a formula." in text
    assert "studentised bootstrap of Hedges' g and Feng and Cliff of Cliff's δ and AUC;" in text
    assert "d_z" not in text
    assert "All sets at once" not in text
    limited = found.where(found["statistic"] == "auc")
    assert "intervals: Feng and Cliff of AUC" in told(limited.assign_attrs(found.attrs))


@pytest.mark.parametrize(
    ("paired", "by"),
    [(False, "Kruskal and Wallis's H (Kruskal & Wallis, 1952)"), (True, "Friedman's statistic (Friedman, 1937)")],
)
def test_the_test_of_all_sets_at_once_is_told(paired, by):
    text = told(versions(paired=paired, n_sets=3))
    assert f"All sets at once were compared by the numerator of Welch's F (Welch, 1951) and {by}, with p" in text


def test_without_permutations_only_the_p_of_a_formula_is_told():
    text = told(versions(paired=False, n_sets=3, n_permutations=0, bound=0.1))
    assert "Of the statistics only Mann and Whitney's U has p-values, from a formula." in text
    assert "Equivalence of means was tested by two one-sided tests" in text
    assert "P-values come from" not in text
    assert "Kruskal and Wallis's H (Kruskal & Wallis, 1952). " in text


def test_predictions_are_told_before_their_evaluation():
    text = told(result("evaluation.evaluate"), result("predict"))
    assert text.index("was predicted") < text.index("Spearman")


def test_the_overlap_of_sets_in_feature_space_is_told_where_it_is_there():
    sets = pd.Series(["a", "b"] * 6, made.names())
    found = mf.sets.compare_features(made.layers(), sets, statistics=["neighbours"], n_permutations=19, progress=False)
    sentence = (
        "How far sets overlap, in balls around images that reach to the k-th nearest image of the own set (k = 5), was "
        "measured by precision and recall (Kynkäänniemi et al., 2019), density and coverage (Naeem et al., 2020)."
    )
    assert sentence in told(found)
    assert "overlap" not in told(found.drop_vars("overlap"))
    assert "overlap" not in told(result("sets.compare_features"))


def test_three_sets_in_feature_space_are_named_with_their_images():
    sets = pd.Series(["a"] * 5 + ["b"] * 4 + ["c"] * 3, made.names())
    found = mf.sets.compare_features(made.layers(), sets, statistics="energy", n_permutations=19, progress=False)
    assert "The image sets a (n = 5), b (n = 4) and c (n = 3) were compared in 2 layers" in told(found)


def test_a_head_of_seven_layers_is_told_with_how_it_was_fitted():
    ridge = facts_of(result("training.fit_head"))
    whole = kinds.KINDS["head"].told(ridge)[0]
    assert "Adam" not in whole
    mlp = kinds.KINDS["head"].told(replace(ridge, attrs={**ridge.attrs, "kind": "mlp"}))[0]
    words = "fitted with Adam [@kingma2015] from initial weights after He and others [@he2015]"
    assert f"ResMem's own seven fully connected layers [@needell2022], {words}, on layer 0" in mlp


def test_nothing_is_told_of_intervals_and_tests_that_were_not_made():
    rdms, model = made.rdms(), made.model_rdm()
    text = told(mf.rsa.compare(rdms, model, n_permutations=0, n_bootstraps=0))
    for word in ("null hypothesis", "p-values", "P-values", "Intervals", "bootstrap", "permutation"):
        assert word not in text


def of_people(**options) -> str:
    return told(mf.rsa.compare(made.participants(), made.model_rdm(), rng=7, **options))


def test_permutations_are_told_only_where_p_values_come_from_them():
    assert of_people(resample="both", n_permutations=0, n_bootstraps=20) == of_people(
        resample="both", n_permutations=19, n_bootstraps=20
    )
    assert "p-values" not in of_people(resample="both", n_permutations=19, n_bootstraps=0)
    for test, words in (("t", "one-sample t tests"), ("wilcoxon", "Wilcoxon signed-rank tests (Wilcoxon, 1945)")):
        text = of_people(resample="rdms", test=test, n_permutations=19)
        assert f"Two-sided p-values come from {words} over participants." in text
        assert "seed" not in text
    signs = of_people(resample="rdms", test="signs", n_permutations=19)
    assert "Two-sided p-values come from 19 permutations of signs of participants" in signs
    assert "The seed of random draws was 7." in signs
    every = of_people(resample="rdms", test="signs", n_permutations=64)
    assert "come from all rearrangements of signs of participants." in every
    assert "seed" not in every


def test_the_jackknife_of_whitened_methods_is_told():
    squared = {"metric": "sqeuclidean", "progress": False}
    one, other = (mf.rdm.compute(made.layers(seed), **squared) for seed in (1, 9))
    ref, options = other.isel(layer=[0]), {"method": "whitened_cosine", "n_bootstraps": 20}
    text = told(mf.rsa.contrast(one, ref, **options))
    assert "Student's t, with the jackknife's standard error, less its estimate of bias (Efron & Stein, 1981)." in text
    assert "Student's t, jackknife over images, paired, less its estimate of bias (Efron & Stein, 1981)." in text
    assert "bootstrap" not in text
    assert "seed" not in text
    text = told(mf.rsa.compare(one, ref, n_permutations=0, **options))
    assert "Student's t, jackknife over images, less its estimate of bias (Efron & Stein, 1981)." in text
    assert "seed" not in text


def test_a_contrast_chosen_out_of_several_is_still_corrected():
    several = result("rsa.contrast several")
    one = several.isel(layer=[int(several["p"].argmax("layer").item())])
    text = told(one.assign(p_corrected=one["p"] + 0.001))
    assert "corrected by the largest deviation" in text
    assert "The seed of random draws was 7." in text


def test_exact_tests_and_groups_are_told():
    names = list("abcd")
    features = mf.features.from_array(np.random.default_rng(0).normal(size=(4, 5)), names)
    scores = pd.Series([0.1, 0.5, 0.4, 0.9], names, name="hit_rate")
    few = mf.rsa.compare(mf.rdm.compute(features), mf.rdm.from_scores(scores), n_bootstraps=0)
    assert "Two-sided p-values come from all rearrangements of images." in told(few)
    scenes = pd.Series([f"s{k // 2}" for k in range(made.N)], made.names(), name="scene")
    grouped = {"blocks": scenes, "permute": "within", "n_permutations": 9, "n_bootstraps": 0}
    text = told(mf.rsa.compare(made.rdms(), made.model_rdm(), **grouped))
    assert "come from 9 permutations of images within groups by scene" in text


def of_network(**attrs) -> xr.Dataset:
    """Features whose attributes say that they came from a network."""
    facts = {"reduction": "mean", "n_left_out": 2, "precision": "float16", "weights_sha256": "ab" * 32, **attrs}
    return made.layers().drop_attrs().assign_attrs(memfeat_version="0.1.0", **facts)


def test_networks_are_named_with_what_they_were_trained_on():
    torchvision = "of torchvision (TorchVision maintainers and contributors, 2016), with"
    frozen = {"model": "resmem-frozen", "variant": "frozen"}
    resnet = {"model": "resnet50", "variant": "published"}
    published = (
        f"resnet50 (He et al., 2016) {torchvision} the published weights ResNet50_Weights.IMAGENET1K_V2, trained"
    )
    changed = ", changed since they were loaded"
    said = [
        ({**frozen, "backbone": "imagenet"}, "ResMem (Needell & Bainbridge, 2022) with a frozen ResNet-152 (He et al., "
         "2016) trained on ImageNet (Deng et al., 2009) as its trunk"),
        ({**frozen, "backbone": "random"}, "ResMem (Needell & Bainbridge, 2022) with an untrained ResNet-152"),
        ({"model": "resmem", "variant": "retrained"}, "ResMem as it was released (Needell & Bainbridge, 2022), whose "
         "ResNet-152"),
        ({**resnet, "weights_source": "torchvision ResNet50_Weights.IMAGENET1K_V2"},
         f"{published} on ImageNet (Deng et al., 2009) (SHA"),
        ({**resnet, "weights_source": f"torchvision ResNet50_Weights.IMAGENET1K_V2{changed}"},
         f"{published} on ImageNet (Deng et al., 2009){changed} (SHA"),
        ({**resnet, "weights_source": "file mine.pth"},
         f"resnet50 (He et al., 2016) {torchvision} weights from the file mine.pth (SHA"),
        (resnet, f"resnet50 (He et al., 2016) {torchvision} trained weights (SHA"),
        ({"model": "vgg16", "variant": "random", "weights_source": "random"}, f"vgg16 {torchvision} random weights"),
    ]  # fmt: skip
    for attrs, words in said:
        text = told(of_network(**attrs))
        assert f"The network was {words}" in text
        assert "(SHA-256 of the weights beginning with abababababab)" in text
        assert text.endswith("and kept as float16. Two images could not be read and were left out.")


def test_weights_that_one_result_knows_are_told_of_those_made_of_it():
    features = of_network(model="vgg16", variant="published", weights_source="file mine.pth")
    rdms = mf.rdm.compute(features, progress=False)
    assert "trained weights" in told(rdms)
    text = told(rdms, features)
    assert text.count("The network was") == text.count("weights from the file mine.pth") == 1
    drift = result("drift.units").assign_attrs(
        first_model="vgg16", first_variant="published", first_weights_sha256="ab" * 32
    )
    assert told(drift, features).count("The network was") == 1


def test_a_second_and_a_third_network_are_told_as_such():
    names = ("vgg16", "alexnet", "resnet18")
    networks = [of_network(model=name, variant="published", weights_sha256=name) for name in names]
    text = told(*networks, networks[1])
    said = ["The network was vgg16", "A second network was alexnet", "A third network was resnet18"]
    assert [text.count(one) for one in said] == [1, 1, 1]
    assert sorted(map(text.index, said)) == list(map(text.index, said))
    assert text.count("network was") == 3


def test_a_trunk_with_the_weights_of_the_retrained_network_is_cautioned_against():
    caution = "trunk of the network has the weights of ResMem's retrained network, which was fitted to memorability"
    frozen = {"model": "resmem-frozen", "variant": "frozen"}
    released = of_network(**frozen, backbone="released")
    rdms = mf.rdm.compute(released, progress=False)
    result = mf.rsa.compare(rdms, made.model_rdm(), n_permutations=0, n_bootstraps=0)
    for one in (released, result):
        assert f"Note that the {caution}" in told(one)
        assert "an analysis that is published needs a trunk that was not retrained (backbone imagenet)." in told(one)
    assert told(released, result).count(caution) == 1
    assert f"For the features, note that the {caution}" in told(released, made.model_rdm())
    assert caution not in told(of_network(**frozen, backbone="imagenet"))


def test_preprocessing_is_told_in_words():
    text = told(of_network(model="resmem", variant="retrained", preprocessing="SquashAndCrop(resize=256, crop=227)"))
    assert "resized to 256 × 256 pixels, whatever their shape, and the central 227 × 227 pixels were used." in text
    text = told(of_network(model="mine", variant="user", preprocessing="mine.look, content 12ab"))
    assert "Images were preprocessed by mine.look." in text


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ("0.485, 0.456, 0.406", "0.229, 0.224, 0.225", "mean and standard deviation of ImageNet"),
        ("0.5, 0.5, 0.5", "0.5, 0.5, 0.5", "a mean of 0.5, 0.5, 0.5 and a standard deviation of 0.5, 0.5, 0.5"),
    ],
)
def test_the_preprocessing_of_torchvision_is_told_in_words(mean, std, words):
    transform = ImageClassification(
        crop_size=224, mean=tuple(map(float, mean.split(","))), std=tuple(map(float, std.split(",")))
    )
    text = told(of_network(model="resnet50", variant="published", preprocessing=described(transform)))
    assert (
        "Images were resized (bilinear) until the shorter side had 256 pixels, and the central 224 × 224 pixels were "
        f"used; they were normalised by {words}."
    ) in text


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        (
            "blur",
            {"sigma": 2.5},
            "Images were blurred with a Gaussian of 2.5 pixels (standard deviation), in pixel values.",
        ),
        ("contrast", {"factor": 0.5, "linear": True}, "The contrast of images was multiplied by 0.5, in linear light."),
        (
            "phase_scramble",
            {"rng": 3},
            "The phases of images were scrambled (strength 1 of 1), in pixel values; seed 3.",
        ),
    ],
)
def test_what_was_done_to_images_is_told_in_words(kind, options, sentence):
    assert told(mf.images.transform(made.images(), kind, progress=False, **options)).endswith(sentence)


@pytest.mark.parametrize(
    ("n", "words"), [(0, "no pair was found."), (1, "1 pair was found."), (2, "2 pairs were found.")]
)
def test_near_duplicates_are_counted_in_words_that_agree(n, words):
    found = result("sets.near_duplicates").assign_attrs(n_within=n, n_between=0)
    assert told(found).endswith(f"; {words}")


@pytest.mark.parametrize(
    ("name", "what"),
    [("screening.check", "screened;"), ("sets.near_duplicates", "searched for"), ("reduction.project", "placed in")],
)
def test_one_image_was_and_several_were(name, what):
    assert f"One image was {what}" in told(result(name).assign_attrs(n_images=1))
    assert f"In all, 12 images were {what}" in told(result(name).assign_attrs(n_images=12))


def test_one_image_that_warns_is_told_as_one():
    facts = {"n_unlike_photographs": 1, "n_near_duplicate": 0, "n_enlarged": 1, "n_squashed": 1, "n_at_floor": 1}
    assert (
        "Of these, one was unlike photographs, none had a near-duplicate, one had a shorter side of less than "
        "128 pixels, one was so long that ResMem sees it squashed, and one was predicted at the floor."
    ) in told(result("screening.check").assign_attrs(facts))


def framed(times: dict[str, list[float]], *others: str) -> xr.Dataset:
    """An image table of frames, and of photographs that are none."""
    frames = [(f"{clip}#{one:09.3f}", clip, one) for clip, every in times.items() for one in every]
    rows = [*frames, *((name, "", np.nan) for name in others)]
    names, clips, seconds = (list(column) for column in zip(*rows, strict=True))
    table = mf.images.read({name: np.zeros((9, 9, 3), np.uint8) for name in names}, progress=False).sel(image=names)
    return table.assign_coords(clip=("image", clips), time=("image", seconds))


@pytest.mark.parametrize(
    ("times", "others", "words"),
    [
        ({"a.mp4": [0, 1, 2]}, [], "3 frames of 1 clip. Frames were taken one each second."),
        ({"a.mp4": [0, 0.5], "b.mp4": [0]}, [], "3 frames of 2 clips. Frames were taken 2 each second."),
        ({"a.mp4": [0, 4, 8]}, ["x", "y"], "3 frames of 1 clip and 2 others. Frames were taken one every 4 seconds."),
        ({"a.mp4": [0, 1, 5]}, ["x"], "3 frames of 1 clip and 1 other."),
        ({"a.mp4": [0, 1.5]}, [], "2 frames of 1 clip. Frames were taken one every 1.5 seconds."),
        ({"a.mp4": [0, 0.033]}, [], "2 frames of 1 clip."),
        ({"a.mp4": [0], "b.mp4": [0]}, [], "2 frames of 2 clips."),
    ],
)
def test_frames_are_told_as_frames(times, others, words, tmp_path):
    table = framed(times, *others)
    assert told(table) == f"The image set held {words}"
    _frames.write_csv(_frames.per_image(table), tmp_path / "one.csv")
    _frames.write_attrs(table.attrs, tmp_path / "one.csv")
    assert told(mf.citing.read(tmp_path / "one.csv")) == told(table)


def test_photographs_with_a_column_called_clip_are_no_frames():
    table = framed({"a.mp4": [0, 1]}).assign_coords(image=["x#1.png", "y.png"])
    assert told(table) == "The image set held 2 images."


def test_cautions_are_told_with_the_reasons_why_they_were_accepted():
    origin = {"model": "resmem", "variant": "retrained", "weights_sha256": "ab"}
    features = made.layers().assign_attrs(origin)
    scores = made.scores().assign_attrs(origin)
    with pytest.warns(RetrainedWarning), pytest.warns(CircularWarning):
        circular = mf.regression.decode(features, scores, n_permutations=0, n_bootstraps=0)
    text = told(circular)
    assert "Scores were predictions of resmem, not measured." in text
    assert "Note that features and scores come from the same network" in text
    assert "accepted for this reason" not in text
    allowed = mf.guards.allow(features, "circular", "retrained", because="we study the network")
    text = told(mf.regression.decode(allowed, scores, n_permutations=0, n_bootstraps=0))
    assert text.count("accepted for this reason: “we study the network”.") == 2


def test_what_is_told_of_a_published_set_that_did_not_join_or_taught_a_predictor():
    images = result("datasets.load")
    facts = {"n_scores_without_image": 1, "n_images_without_score": 2, "trained_on": ["resmem", "resmem-frozen"]}
    status = images["status"].copy(data=np.array(["damaged"] + ["ok"] * 11, dtype=object))
    text = told(images.assign_coords(status=status).assign_attrs(matched_by="order of rows", **facts))
    assert text.endswith(
        "). One of these could not be read and took no part. Values were matched to images by order of rows, not by "
        "name. One score had no photograph. Two photographs had no score. The set was among the training data of "
        "resmem and resmem-frozen."
    )


def test_a_set_of_two_papers_cites_both_and_one_without_gives_its_citation():
    images = result("datasets.load")
    two = images.assign_attrs(works=["nosofsky2018", "meagher2023"])
    assert "“LNSIM” (Meagher & Nosofsky, 2023; Nosofsky et al., 2018)." in told(two)
    assert {one.partition(" (")[0] for one in mf.citing.references(two)} >= {"Meagher, B. J., & Nosofsky, R. M."}
    none = images.drop_attrs().assign_attrs({name: value for name, value in images.attrs.items() if name != "works"})
    none.attrs["citation"] = "The repository csiyer/face_database on GitHub."
    assert "“LNSIM” (The repository csiyer/face_database on GitHub)." in told(none)


def test_that_answers_are_in_none_of_the_papers_is_told():
    images = result("datasets.load").assign_attrs(answers=mf.datasets.CARDS["rocks480"].answers)
    assert "The answers are in neither paper, and no publication of them was found. They were collected" in told(images)
    # what a paragraph says is for readers; what its author is to do stands on the card
    assert "Ask " not in told(images)
    assert "ask its author how to cite them" in mf.datasets.CARDS["rocks480"].download
    assert "no publication" not in told(result("datasets.load"))


@pytest.mark.parametrize("name", mf.datasets.CARDS)
def test_the_citation_of_a_set_is_that_of_its_works(name):
    card = mf.datasets.CARDS[name]
    assert card.works or name == "resmem_golden"
    rest = card.citation.casefold().replace("-", "–")
    for key in card.works:
        work = works()[key]
        people = [re.sub(r"[.\- ]", "", one.replace(",", "~")).replace("~", " ") for one in work.authors]
        wanted = [f"{', '.join(people).replace('others', 'et al.')} ({work.year}). {work.title}".replace("-", "–")]
        wanted += [f"{work.volume}:{work.pages}" if work.volume else work.pages]
        for part in wanted:
            assert part.casefold() in rest, part


def test_clips_of_different_lengths_are_told():
    lengths = result("images.by_clip").assign_coords(n_frames=("image", [1, 3, 3, 2]))
    assert "4 clips of 1 to 3 frames each." in told(lengths)


def test_unreadable_images_are_counted():
    table = mf.images.read({"a.png": np.zeros((9, 9, 3), np.uint8), "b.png": np.zeros((9, 9, 3), np.uint8)})
    status = table["status"].copy(data=np.array(["ok", "damaged"], dtype=object))
    text = told(table.assign_coords(status=status))
    assert text == "The image set held 2 images. One of these could not be read and took no part."


# --- several results ------------------------------------------------------------------------------------------------


def test_what_results_share_is_told_once_and_what_differs_is_named():
    first = mf.rsa.compare(made.rdms(), made.model_rdm(), n_permutations=9, n_bootstraps=0, rng=0)
    second = mf.regression.decode(made.layers(), made.scores(), n_permutations=9, n_bootstraps=0, rng=0)
    text = told(second, first)
    assert text.index("RDMs of 12 images") < text.index("Scores (hit_rate)")
    assert text.count("seed of random draws was 0.") == 1
    assert "For the RSA, two-sided p-values come from 9" in text
    assert "For the decoding, one-sided (greater) p-values come from 9" in text
    third = mf.regression.decode(made.layers(), made.scores(), n_permutations=9, n_bootstraps=0, rng=3)
    text = told(second, third, first)
    assert "For the RSA and the first decoding, the seed of random draws was 0." in text
    assert "For the second decoding, the seed of random draws was 3." in text
    assert told(first, first) == told(first)


def test_a_model_is_explained_once():
    text = told(made.model_rdm(), made.rdms(), result("rsa.compare"))
    assert text.count("the more memorable both are") == 1
    assert text.count("as dissimilarity") == 1
    assert "were compared with the model “both memorable” by Spearman's" in text


def profiled(**attrs) -> xr.Dataset:
    """A profile, of which two have the same sentences and differ in a caution, or in the version."""
    return result("measures.profile").assign_attrs(attrs)


def test_results_of_the_same_wording_keep_their_own_cautions():
    circular, harmless = profiled(cautions="circular"), profiled()
    for order in ((circular, harmless), (harmless, circular)):
        text = told(*order)
        assert text.count("note that features and scores come from the same network") == 1
        assert "layer profile, note that" in text
        assert "Note that features" not in text
    assert "Note that features and scores come from the same network" in told(circular)
    assert told(circular, circular) == told(circular)


def test_results_of_the_same_wording_name_both_versions():
    old, new = profiled(memfeat_version="0.0.9"), profiled()
    for order in ((old, new), (new, old)):
        assert f"done with memfeat 0.0.9 and {mf.__version__} (" in mf.citing.methods(*order)


SEVERAL = ["rsa.compare", "regression.decode", "predict", "sets.match", "scores.split_half"]


@given(st.permutations(SEVERAL))
@settings(max_examples=10, deadline=None)
def test_references_and_text_do_not_depend_on_the_order_of_results(order):
    results = [result(name) for name in order]
    assert mf.citing.references(*results) == mf.citing.references(*map(result, SEVERAL))
    assert mf.citing.methods(*results) == mf.citing.methods(*map(result, SEVERAL))


def test_results_are_left_as_they_were():
    before = made.rdms()
    after = before.copy(deep=True)
    mf.citing.methods(after)
    mf.citing.references(after)
    xr.testing.assert_identical(before, after)
    assert before.attrs == after.attrs


# --- works and styles -----------------------------------------------------------------------------------------------


@functools.cache
def docstrings() -> tuple[str, ...]:
    """Every docstring of memfeat, of modules, classes and functions."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "memfeat").rglob("*.py")]
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = [ast.get_docstring(node) for tree in trees for node in ast.walk(tree) if isinstance(node, holders)]
    return tuple(filter(None, found))


def referred_to(text: str) -> list[tuple[str, str]]:
    """First author and year of each entry under "References"; an entry begins on a line that names both."""
    block = re.search(r"^References\n-+\n(.*?)(?=^\w[^\n]*\n--|\Z)", text, re.DOTALL | re.MULTILINE)
    entries = re.findall(r"^(.+) \((\d{4})\)\. ", block[1], re.MULTILINE) if block else []
    assert entries or not block, text
    return [(re.split(r",| [A-Z]+(?=,|$)", people)[0], year) for people, year in entries]


def by_whom(key: str) -> tuple[str, str]:
    return works()[key].authors[0].partition(",")[0], works()[key].year


def test_entries_under_references_are_found_in_each_form():
    text = (
        "Do it (Nobody, 1999).\n\nReferences\n----------\nvan der Berg BL, Doe J, et al. (2001). One.\nJournal 1:2.\n"
        "Student (1908). Two. There 6:1.\nKhaligh-Razavi SM (2002). Three.\n\nRoe, R. R., & Poe, A. (2003). Four.\n\n"
        "Examples\n--------\nMoe M (2004). Five.\n"
    )
    assert referred_to(text) == [
        ("van der Berg", "2001"), ("Student", "1908"), ("Khaligh-Razavi", "2002"), ("Roe", "2003")
    ]  # fmt: skip


def test_every_reference_of_a_docstring_is_a_work():
    cited = {one for text in docstrings() for one in referred_to(text)}
    assert len(cited) > 100
    assert cited - set(map(by_whom, works())) == set(), "add them to memfeat/citing/works.csv"


def in_docstrings() -> set[str]:
    """Works that a docstring names by first author and year, under "References" or in a sentence."""
    listed = {one for text in docstrings() for one in referred_to(text)}
    every = " ".join(" ".join(docstrings()).split())
    said = {key: rf"{re.escape(by_whom(key)[0])}(?: et al\.| & \S+)?,? \(?{by_whom(key)[1]}" for key in works()}
    return {key for key in works() if by_whom(key) in listed or re.search(said[key], every)}


def test_every_work_is_cited_somewhere_and_every_citation_is_a_work():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "memfeat" / "citing").rglob("*.py"))
    named = set(re.findall(r"""[@"]([a-z]+\d{4})\b""", source))
    of_sets = {key for card in mf.datasets.CARDS.values() for key in card.works}
    assert named | of_sets | in_docstrings() | {"memfeat", "torchvision"} == set(works())


@pytest.mark.parametrize(
    ("shrinkage", "cited"), [("schaefer-strimmer", "Schäfer & Strimmer, 2005"), ("ledoit-wolf", "Ledoit & Wolf, 2004")]
)
def test_the_shrinkage_of_a_covariance_is_told_with_whom_to_cite(shrinkage, cited):
    text = told(made.rdms(metric="mahalanobis", shrinkage=shrinkage))
    assert f"Its shrinkage was {shrinkage} ({cited})." in text


def test_works_are_complete():
    for key, work in works().items():
        assert work.title, key
        assert work.authors, key
        assert work.kind in ("article", "inproceedings", "book", "misc", "software"), key
        assert re.fullmatch(r"(10\.\d{4,}/\S+)?", work.doi), key
        assert key == "memfeat" or re.fullmatch(r"\d{4}", work.year), key
        assert key in ("memfeat", "torchvision") or work.venue, key
    dois = [work.doi for work in works().values() if work.doi]
    assert len(dois) == len(set(dois))


def test_entries_that_were_not_verified_say_so_in_every_style():
    note = "Check against the publication: not every detail of this entry was verified"
    for key, sure in {"zauner2010": False, "lawson1974": False, "mantel1967": True}.items():
        apa, bibtex, csl = (styles.listed_as(style, [key])[0] for style in ("apa", "bibtex", "csl-json"))
        assert apa.endswith(f" [{note}]") is not sure
        assert (f"  note = {{{note}}},\n}}" in bibtex) is not sure
        assert json.loads(csl).get("note", "") == ("" if sure else note)


def test_the_author_is_told_which_entries_to_check():
    text = mf.citing.methods(result("lowlevel.perceptual_hash"))
    assert text.endswith(
        ". Before you submit, take this sentence out and check the entries of these works, which were not verified in "
        "every detail, against the publications (Zauner, 2010)."
    )
    assert "Before you submit" not in mf.citing.methods(result("measures.magnitude"))


def test_works_that_were_not_verified_are_listed_in_the_documentation():
    page = (ROOT / "docs" / "writing_up.md").read_text()
    listed = re.findall(r"`(\w+)`", page.partition("<!-- not verified -->")[2].partition("<!-- end -->")[0])
    assert sorted(listed) == sorted(key for key, work in works().items() if not work.verified)


def test_what_is_written_by_hand_is_shown_on_the_page_with_numbers_that_are_computed():
    page = " ".join((ROOT / "docs" / "writing_up.md").read_text().replace("\n> ", " ").split())
    raters = mf.scores.n_raters(0.9, reliability={"split_half": 0.6}, n_raters=40)
    needed = mf.scores.n_images(0.3, reliability={"spearman_brown": 0.9})
    assert f"{raters} raters per image give a reliability of .90. With it, {needed} images show" in page


def test_scores_of_published_trials_are_told_with_their_set_where_both_are_given():
    trials = result("datasets.trials")
    assert "FIGRIM" not in told(result("scores.from_trials"))
    text = told(result("scores.from_trials"), trials)
    assert text.startswith("Trials of 12 images came from the published set “FIGRIM” (Bylinskii et al., 2015).")


@pytest.mark.parametrize(
    "table",
    [
        lambda: mf.regression.top_units(result("regression.unitwise")),
        lambda: mf.sets.table(result("sets.compare")),
        lambda: mf.scores.n_raters(0.9, reliability={"split_half": 0.6}, n_raters=40),
    ],
    ids=["top_units", "table", "n_raters"],
)
def test_what_says_nothing_of_itself_is_refused(table):
    with pytest.raises(KindError, match="results must (come from memfeat|be what functions of memfeat give)"):
        mf.citing.methods(table())


def test_references_are_written_as_apa_wants_them():
    written = dict(zip(["westfall1993", "he2016", "harris2020", "torchvision", "isola2011"], (
        "Westfall, P. H., & Young, S. S. (1993). Resampling-based multiple testing. Wiley.",
        "He, K., Zhang, X., Ren, S., & Sun, J. (2016). Deep residual learning for image recognition. IEEE Conference "
        "on "
        "Computer Vision and Pattern Recognition, 770–778. https://doi.org/10.1109/CVPR.2016.90",
        "Harris, C. R., Millman, K. J., van der Walt, S. J., et al. (2020). Array programming with NumPy. Nature, 585, "
        "357–362. https://doi.org/10.1038/s41586-020-2649-2",
        "TorchVision maintainers and contributors. (2016). TorchVision: PyTorch's computer vision library [software].",
        "Isola, P., Xiao, J., Torralba, A., & Oliva, A. (2011). What makes an image memorable? IEEE Conference on "
        "Computer Vision and Pattern Recognition, 145–152. https://doi.org/10.1109/CVPR.2011.5995721",
    ), strict=True))  # fmt: skip
    for key, reference in written.items():
        assert styles.listed_as("apa", [key]) == [reference]


def test_bibtex_and_csl_json_are_what_readers_of_them_take():
    entry = styles.listed_as("bibtex", ["mantel1967"])[0]
    assert entry == (
        "@article{mantel1967,\n  author = {Mantel, N.},\n  title = {{The detection of disease clustering and a "
        "generalized regression approach}},\n  year = {1967},\n  journal = {Cancer Research},\n  volume = {27},\n"
        "  pages = {209--220},\n}"
    )
    assert "  doi = {10.1088/0954-898X_2_4_004},\n" in styles.listed_as("bibtex", ["treves1991"])[0]
    assert r"Instruments, \& Computers" in styles.listed_as("bibtex", ["hautus1995"])[0]
    item = json.loads(styles.listed_as("csl-json", ["westfall1993"])[0])
    assert item == {
        "id": "westfall1993", "type": "book", "title": "Resampling-based multiple testing", "publisher": "Wiley",
        "author": [{"family": "Westfall", "given": "P. H."}, {"family": "Young", "given": "S. S."}],
        "issued": {"date-parts": [[1993]]},
    }  # fmt: skip


def test_citations_inside_brackets_are_not_bracketed_again():
    assert styles.TEXTS["text"]("a (b [@holm1979]) c [@mantel1967].") == "a (b; Holm, 1979) c (Mantel, 1967)."
    assert styles.TEXTS["text"]("a (b [@holm1979] d).") == "a (b [Holm, 1979] d)."
    assert styles.TEXTS["markdown"]("a [@holm1979; @mantel1967].") == "a [@holm1979; @mantel1967]."
    assert styles.TEXTS["latex"]("5 % [@holm1979] of a_b.") == r"5 \% \citep{holm1979} of a\_b."


def test_signs_that_latex_takes_for_something_else_are_written_out():
    assert styles.TEXTS["latex"]("a~b^c {d} e\\f # $ [@holm1979].") == (
        r"a\textasciitilde{}b\textasciicircum{}c \{d\} e\textbackslash{}f \# \$ \citep{holm1979}."
    )


def test_names_that_look_like_citations_stay_names():
    scores = pd.Series([0.9, 0.5, 0.6], list("abc"), name="[@holm1979]")
    assert "holm1979" not in {w[:8] for w in mf.citing.references(mf.rdm.from_scores(scores), style="bibtex")}
    assert "[ @holm1979]" in told(mf.rdm.from_scores(scores))


def test_without_results_memfeat_and_resmem_are_cited():
    first, second = mf.citing.references()
    assert first.startswith("Needell, C. D., & Bainbridge, W. A. (2022).")
    assert second == f"The memfeat developers. memfeat (version {mf.__version__}) [software]."


def test_versions_are_those_that_are_installed():
    found = mf.citing.versions()
    assert found["memfeat"] == mf.__version__
    assert found["numpy"] == np.__version__
    assert found["xarray"] == xr.__version__
    assert mf.citing.versions(["no-such-package"]).keys() == {"memfeat", "Python"}
    text = mf.citing.methods(made.model_rdm())
    assert f"numpy {np.__version__} (Harris et al., 2020)" in text
    assert f"done with memfeat {mf.__version__} (The memfeat developers)" in text


def test_results_of_several_versions_name_them():
    old = made.model_rdm().assign_attrs(memfeat_version="0.0.9")
    assert "done with memfeat 0.0.9 and 0.1.0 (" in mf.citing.methods(
        made.rdms().assign_attrs(memfeat_version="0.1.0"), old
    )


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_saved_result_is_told_of_as_the_result_itself(tmp_path):
    for name in (
        "rsa.compare",
        "regression.decode",
        "scores.from_trials",
        "datasets.load scores",
        "rsa.compare of both",
    ):
        result(name).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
        assert mf.citing.methods(mf.citing.read(tmp_path / "one.nc")) == mf.citing.methods(result(name))
    features = result("features.from_array")
    features.to_zarr(tmp_path / "two.zarr", consolidated=False)
    assert mf.citing.methods(mf.citing.read(tmp_path / "two.zarr")) == mf.citing.methods(features)
    head = result("training.fit_head")
    head.save(tmp_path / "head", licence="CC0")
    assert told(mf.citing.read(tmp_path / "head")) == told(head)


def test_a_table_is_read_with_what_stands_beside_it(tmp_path):
    found = result("rsa.compare")
    _frames.write_csv(_frames.per_comparison(found), tmp_path / "rsa.csv")
    _frames.write_attrs(found.attrs, tmp_path / "rsa.csv")
    assert mf.citing.methods(mf.citing.read(tmp_path / "rsa.csv")) == mf.citing.methods(found)


@pytest.mark.parametrize(
    ("name", "text", "error", "match"),
    [
        ("absent.csv", None, MissingFileError, "path must be a file or a store; got '.*absent.csv'"),
        ("notes.txt", "hello", ArgumentError, "path must be a .nc file, a zarr store, a .csv or a head"),
        ("alone.csv", "image,p\na,1\n", ArgumentError, "path must say how it was made; .*FILE.csv.json"),
        ("broken.nc", "hello", ArgumentError, "path must be a netCDF file that can be read"),
        ("empty.csv", "", ArgumentError, "path must be a table that can be read; got '.*empty.csv'. No columns"),
    ],
)
def test_what_cannot_be_cited_is_refused_with_advice(tmp_path, name, text, error, match):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(error, match=match):
        mf.citing.read(tmp_path / name)


def test_a_table_whose_json_is_broken_does_not_say_how_it_was_made(tmp_path):
    (tmp_path / "one.csv").write_text("image,p\na,1\n")
    (tmp_path / "one.csv.json").write_text("{not JSON")
    with pytest.raises(ArgumentError, match="path must say how it was made; got '.*one.csv'"):
        mf.citing.read(tmp_path / "one.csv")


@pytest.mark.parametrize(
    ("text", "rule"), [("{}", "that says its kind"), ("[1]", "that says its kind"), ("{not JSON", "that can be read")]
)
def test_a_broken_head_is_refused(tmp_path, text, rule):
    (tmp_path / "head.json").write_text(text)
    with pytest.raises(ArgumentError, match=f"path must be a head {rule}; got"):
        mf.citing.read(tmp_path)


def test_layers_of_a_store_come_in_the_order_of_their_names(tmp_path, monkeypatch):
    features = made.layers()
    features.to_zarr(tmp_path / "features.zarr", consolidated=False)
    other_way = features[["fc", "conv"]].assign_attrs(features.attrs)
    monkeypatch.setattr(xr, "open_zarr", lambda *_, **__: other_way)
    assert mf.citing.methods(mf.citing.read(tmp_path / "features.zarr")) == mf.citing.methods(features)


def test_a_store_that_an_extraction_wrote_is_told_of_as_what_it_gave(tmp_path):
    store = tmp_path / "features.zarr"
    features = mf.extract(random_pictures(), model=reused(), layers=["conv1", "fc"], store=store)
    text = mf.citing.methods(mf.citing.read(store))
    assert text == mf.citing.methods(features)
    assert "Features of 11 images were read from 2 layers (conv1 and fc)" in text


def test_layers_that_an_extraction_stored_are_told_as_the_network_runs_through_them(tmp_path):
    store = tmp_path / "features.zarr"
    features = mf.extract(random_pictures(), model=reused(), layers=["conv1", "relu@1", "conv2"], store=store)
    assert list(mf.citing.read(store).data_vars) == list(features.data_vars) != sorted(features.data_vars)
    assert mf.citing.methods(mf.citing.read(store)) == mf.citing.methods(features)


def test_images_of_a_store_that_went_bad_are_left_out_and_counted(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, pixels in random_pictures().items():
        Image.fromarray(pixels).save(photos / name)
    images = mf.images.read(photos)
    next(photos.iterdir()).write_bytes(b"no picture")
    with pytest.warns(MemfeatWarning, match="Images left out, 1"):
        mf.extract(images, model=reused(), layers="fc", store=tmp_path / "features.zarr")
    text = mf.citing.methods(mf.citing.read(tmp_path / "features.zarr"))
    assert "Features of 10 images were read" in text
    assert "One image could not be read and was left out." in text


def test_layers_with_numbers_come_in_their_order(tmp_path):
    names = ["layer1.2", "layer1.10", "layer2.0"]
    some = made.layers()
    layers = some.assign({name: some[next(iter(some.data_vars))] for name in names})[names]
    layers.to_zarr(tmp_path / "features.zarr", consolidated=False)
    assert list(mf.citing.read(tmp_path / "features.zarr").data_vars) == names


def test_a_broken_store_is_refused(tmp_path):
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("hello")
    with pytest.raises(ArgumentError, match="path must be a zarr store that can be read"):
        mf.citing.read(tmp_path / "broken.zarr")


def test_what_is_no_result_is_refused_with_advice():
    with pytest.raises(ArgumentError, match="results must be one at least; got none"):
        mf.citing.methods()
    with pytest.raises(KindError, match="results must be what functions of memfeat give; got int"):
        mf.citing.methods(3)
    with pytest.raises(KindError, match="results must come from memfeat; got DataArray without the attribute"):
        mf.citing.methods(made.scores())
    with pytest.raises(
        ArgumentError,
        match="be of a kind that is known here; .*'method': 'guessing'.* Known are: published set, images",
    ):
        mf.citing.references(xr.Dataset(attrs={"memfeat_version": "9", "method": "guessing"}))
    with pytest.raises(ArgumentError, match="style must be one of 'text', 'markdown', 'latex'; got 'apa'"):
        mf.citing.methods(made.model_rdm(), style="apa")
    with pytest.raises(ArgumentError, match="style must be one of 'apa', 'bibtex', 'csl-json'; got 'mla'"):
        mf.citing.references(style="mla")


def test_what_is_shared_is_a_sentence_or_nothing():
    for name in made.MADE:
        for say in SHARED.values():
            sentence = say(facts_of(result(name)))
            assert sentence == "" or sentence.endswith(".")
