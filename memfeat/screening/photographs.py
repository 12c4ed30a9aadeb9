"""Which values of low-level statistics photographs have."""

__all__ = ["LIMITS", "SOURCE"]

SOURCE = "range of 800 outdoor photographs of LNSIM (Lu et al. 2020), rounded outwards"
#: Statistic -> the least and the most that photographs have. Black-and-white photographs have no colour, and more than
#: eight bits are not possible.
LIMITS = {
    "rms_contrast": (0.011, 0.42),
    "colourfulness": (0.0, 131.0),
    "spectral_slope": (-1.86, -0.30),
    "entropy": (3.4, 8.0),
}
