"""Makes a bundle of somebody else's classifier: read, wrap, verify, quantise, write. Runs in the user's own process."""
