"""Numbers as journals print them."""

import math

__all__ = ["interval", "number", "p_value", "places"]

MINUS = "−"
#: Digits of a standard deviation that are shown if that takes no more than so many places, and else fewer digits.
DIGITS, PLACES, FEWER = 3, 3, 2
SMALLEST_P = 0.001


def places(spread: float) -> int:
    """Say how many places after the point numbers of this spread need.

    Parameters
    ----------
    spread : float
        Their standard deviation.

    Returns
    -------
    int
        As many as show three digits of it, or two where that takes more than three places; 2 if it is not known.

    Examples
    --------
    >>> places(0.12), places(0.0012), places(1.5), places(15), places(float("nan"))
    (3, 4, 2, 1, 2)
    """
    if not (math.isfinite(spread) and spread > 0):
        return DIGITS - 1
    before = math.floor(math.log10(spread)) + 1
    return max(min(DIGITS - before, PLACES), FEWER - before, 0)


def number(value: float, digits: int = 2, *, below_one: bool = False) -> str:
    """Write a number with a true minus sign.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Places after the point.
    below_one : bool
        Whether its absolute value cannot exceed 1: then no zero stands before the point.

    Returns
    -------
    str
        For example "−0.05" or, below one, "−.05"; "–" for NaN, and never minus zero.

    Examples
    --------
    >>> number(-0.0512), number(-0.0512, below_one=True), number(-0.001), number(float("nan"))
    ('−0.05', '−.05', '0.00', '–')
    """
    if math.isnan(value):
        return "–"
    text = f"{abs(value):.{digits}f}"
    sign = MINUS if value < 0 and float(text) > 0 else ""
    return sign + (text.removeprefix("0") if below_one and text.startswith("0.") else text)


def interval(low: float, high: float, digits: int = 2, *, below_one: bool = False) -> str:
    """Write an interval.

    Parameters
    ----------
    low, high : float
        Its limits.
    digits, below_one : object
        As for :func:`number`.

    Returns
    -------
    str
        For example "[−0.05, 0.10]"; "–" where there is none. A lower limit that is below 0, and rounds to it, keeps its
        sign.

    Examples
    --------
    >>> interval(-0.05, 0.1), interval(-0.001, 0.1), interval(float("nan"), float("nan"))
    ('[−0.05, 0.10]', '[−0.00, 0.10]', '–')
    """
    if math.isnan(low) or math.isnan(high):
        return "–"
    low_text, high_text = (number(value, digits, below_one=below_one) for value in (low, high))
    # that 0 lies inside is what readers look for
    sign = MINUS if low < 0 < high and not low_text.startswith(MINUS) else ""
    return f"[{sign}{low_text}, {high_text}]"


def p_value(p: float, name: str = "p") -> str:
    """Write a p-value: three places, no zero before the point, and none that is zero.

    Parameters
    ----------
    p : float
        The p-value.
    name : str
        What it is called; without a name the number alone is given.

    Returns
    -------
    str
        For example "p = .012" or "p < .001"; empty for NaN.

    Examples
    --------
    >>> p_value(0.0123), p_value(0.0004), p_value(1.0), p_value(0.02, "")
    ('p = .012', 'p < .001', 'p = 1', '.020')
    """
    if math.isnan(p):
        return ""
    relation, text = ("=", f"{p:.3f}") if p >= SMALLEST_P else ("<", f"{SMALLEST_P}")
    text = text.removeprefix("0") if float(text) < 1 else "1"
    if name:
        return f"{name} {relation} {text}"
    return text if relation == "=" else f"< {text}"
