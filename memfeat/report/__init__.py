"""A report of an image set: one HTML file that opens in any browser and needs nothing else."""

from memfeat.report.options import ReportOptions
from memfeat.report.writing import write

__all__ = ["ReportOptions", "write"]
