"""Sets of images compared in feature space, and near-duplicates within and between them."""
