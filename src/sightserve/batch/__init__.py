"""Very many photos, in a job that survives whatever ends it: `sightserve batch`."""
