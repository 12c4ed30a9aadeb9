"""What statistics of sets are called, how each was judged, and whom to cite for it."""

from typing import NamedTuple

__all__ = ["LAYER_CITED", "LAYER_ROWS", "OMNIBUS", "REFERENCES", "SCORE_ROWS", "Told"]


class Told(NamedTuple):
    """How a statistic is written."""

    title: str
    """In a table."""
    symbol: str
    """Before its value in a sentence."""
    below_one: bool
    """Whether its absolute value cannot exceed 1."""
    in_units: bool
    """Whether it is in units of the score."""
    interval: str
    """What its interval is; empty without one."""
    test: str
    """How p came about, after "p-values of … come from"; empty where it has that of another row."""
    cited: tuple[str, ...]
    """Keys of REFERENCES for the statistic and its interval."""
    cited_for_p: tuple[str, ...] = ()


PERMUTED = "a two-sided studentised permutation test"
SCORE_ROWS = {
    "mean_difference": Told(
        "Difference of means",
        "difference of means",
        below_one=False,
        in_units=True,
        interval="expanded percentiles of the bootstrap",
        test=PERMUTED,
        cited=("hesterberg2015",),
        cited_for_p=("janssen1997",),
    ),
    "hedges_g": Told(
        "Hedges' g",
        "Hedges' g",
        below_one=False,
        in_units=False,
        interval="the studentised bootstrap",
        test="",
        cited=("hedges1981",),
    ),
    "d_z": Told("d_z", "d_z", below_one=False, in_units=False, interval="the studentised bootstrap", test="", cited=()),
    "cliffs_delta": Told(
        "Cliff's δ",
        "Cliff's δ",
        below_one=True,
        in_units=False,
        interval="the formula of Feng and Cliff (2004)",
        test=PERMUTED,
        cited=("feng2004",),
        cited_for_p=("neubert2007",),
    ),
    "auc": Told("AUC", "AUC", below_one=True, in_units=False, interval="the formula of Feng and Cliff (2004)", test="",
                cited=("feng2004",), cited_for_p=("neubert2007",)),
    "paired_delta": Told("Paired δ", "paired δ", below_one=True, in_units=False,
                         interval="the formula of Feng and Cliff (2004)", test=PERMUTED, cited=("feng2004",)),
    "mann_whitney_u": Told("Mann–Whitney U", "U", below_one=False, in_units=False, interval="",
                           test="the two-sided Mann–Whitney test", cited=("mann1947",)),
    "wilcoxon_w": Told("Wilcoxon W", "W", below_one=False, in_units=False, interval="",
                       test="the two-sided Wilcoxon signed-rank test", cited=("wilcoxon1945",)),
    "kolmogorov_smirnov": Told("Kolmogorov–Smirnov D", "D", below_one=True, in_units=False, interval="",
                               test="a permutation test", cited=()),
    "wasserstein": Told("Wasserstein distance", "Wasserstein distance", below_one=False, in_units=True, interval="",
                        test="a permutation test", cited=()),
    "adjusted_difference": Told(
        "Difference at equal covariates",
        "difference at equal covariates",
        below_one=False,
        in_units=True,
        interval="Student's t",
        test="",
        cited=(),
    ),
}  # fmt: skip
#: tests of all sets at once
OMNIBUS = {"welch": "Welch", "kruskal_wallis": "Kruskal–Wallis", "friedman": "Friedman"}
LAYER_ROWS = {
    "mmd": "Squared MMD",
    "energy": "Energy distance",
    "mmd_linear": "Squared distance of means",
    "classifier": "Classifier AUC",
    "neighbours": "Own-set neighbours",
    "frechet": "Squared Fréchet distance",
}
#: statistic in feature space -> keys of REFERENCES
LAYER_CITED = {
    "mmd": ("gretton2012",),
    "energy": ("szekely2004",),
    "mmd_linear": ("gretton2012",),
    "classifier": ("lopezpaz2017",),
    "neighbours": ("schilling1986",),
    "frechet": ("heusel2017", "ledoit2004"),
}
#: In the form of a reference list.
REFERENCES = {
    "austin2009": "Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates "
    "between treatment groups in propensity-score matched samples. Statistics in Medicine, 28, 3083–3107.",
    "barnett2005": "Barnett, A. G., van der Pols, J. C., & Dobson, A. J. (2005). Regression to the mean: What it is "
    "and how to deal with it. International Journal of Epidemiology, 34, 215–220.",
    "cameron2008": "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2008). Bootstrap-based improvements for "
    "inference with clustered errors. Review of Economics and Statistics, 90, 414–427.",
    "feng2004": "Feng, D., & Cliff, N. (2004). Monte Carlo evaluation of ordinal d with improved confidence "
    "interval. Journal of Modern Applied Statistical Methods, 3, 322–332.",
    "freedman1983": "Freedman, D., & Lane, D. (1983). A nonstochastic interpretation of reported significance "
    "levels. Journal of Business and Economic Statistics, 1, 292–298.",
    "gretton2012": "Gretton, A., Borgwardt, K. M., Rasch, M. J., Schölkopf, B., & Smola, A. (2012). A kernel "
    "two-sample test. Journal of Machine Learning Research, 13, 723–773.",
    "hedges1981": "Hedges, L. V. (1981). Distribution theory for Glass's estimator of effect size and related "
    "estimators. Journal of Educational Statistics, 6, 107–128.",
    "hesterberg2015": "Hesterberg, T. C. (2015). What teachers should know about the bootstrap. The American "
    "Statistician, 69, 371–386.",
    "heusel2017": "Heusel, M., Ramsauer, H., Unterthiner, T., Nessler, B., & Hochreiter, S. (2017). GANs trained by "
    "a two time-scale update rule converge to a local Nash equilibrium. Advances in Neural Information Processing "
    "Systems, 30.",
    "holm1979": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics, 6, 65–70.",
    "huangfu2018": "Huangfu, Q., & Hall, J. A. J. (2018). Parallelizing the dual revised simplex method. "
    "Mathematical Programming Computation, 10, 119–142.",
    "imai2008": "Imai, K., King, G., & Stuart, E. A. (2008). Misunderstandings between experimentalists and "
    "observationalists about causal inference. Journal of the Royal Statistical Society: Series A, 171, 481–502.",
    "janssen1997": "Janssen, A. (1997). Studentized permutation tests for non-i.i.d. hypotheses and the generalized "
    "Behrens-Fisher problem. Statistics & Probability Letters, 36, 9–21.",
    "ledoit2004": "Ledoit, O., & Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance "
    "matrices. Journal of Multivariate Analysis, 88, 365–411.",
    "long2000": "Long, J. S., & Ervin, L. H. (2000). Using heteroscedasticity consistent standard errors in the "
    "linear regression model. The American Statistician, 54, 217–224.",
    "lopezpaz2017": "Lopez-Paz, D., & Oquab, M. (2017). Revisiting classifier two-sample tests. International "
    "Conference on Learning Representations.",
    "mann1947": "Mann, H. B., & Whitney, D. R. (1947). On a test of whether one of two random variables is "
    "stochastically larger than the other. Annals of Mathematical Statistics, 18, 50–60.",
    "needell2022": "Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for "
    "estimating image memorability. Computational Brain & Behavior, 5, 168–184.",
    "neubert2007": "Neubert, K., & Brunner, E. (2007). A studentized permutation test for the non-parametric "
    "Behrens-Fisher problem. Computational Statistics & Data Analysis, 51, 5192–5204.",
    "rubin2001": "Rubin, D. B. (2001). Using propensity scores to help design observational studies: Application to "
    "the tobacco litigation. Health Services and Outcomes Research Methodology, 2, 169–188.",
    "schilling1986": "Schilling, M. F. (1986). Multivariate two-sample tests based on nearest neighbors. Journal of "
    "the American Statistical Association, 81, 799–806.",
    "schuirmann1987": "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power "
    "approach for assessing the equivalence of average bioavailability. Journal of Pharmacokinetics and "
    "Biopharmaceutics, 15, 657–680.",
    "szekely2004": "Székely, G. J., & Rizzo, M. L. (2004). Testing for equal distributions in high dimension. "
    "InterStat, 5, 1–16.",
    "westfall1993": "Westfall, P. H., & Young, S. S. (1993). Resampling-based multiple testing. Wiley.",
    "wilcoxon1945": "Wilcoxon, F. (1945). Individual comparisons by ranking methods. Biometrics Bulletin, 1, 80–83.",
}
