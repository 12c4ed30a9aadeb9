"""Sentences about results, a file for each family of stages."""
