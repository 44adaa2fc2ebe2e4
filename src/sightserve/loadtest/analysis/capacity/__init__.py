"""How many instances a load needs and what they cost: a simulation of the backend's own queue, fed with measured times."""
