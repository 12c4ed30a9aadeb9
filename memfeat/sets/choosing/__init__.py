"""Sets of images chosen from a pool, put in order, and how alike they are."""
