"""Reading what layers put out: hooks, reductions inside them, and a store on disk."""

from memfeat.activations.run import extract, extract_shard, prepare

__all__ = ["extract", "extract_shard", "prepare"]
