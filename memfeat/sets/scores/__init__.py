"""Sets of images compared by a number of each image, such as memorability."""
