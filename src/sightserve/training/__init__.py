"""A folder of photos to a classifier of one's own: a linear head on the features of a network that is there already."""
