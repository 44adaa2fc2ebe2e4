"""Object stores, and what else fsspec reaches: one file a kind of store, each with the few requests that a job needs.

fsspec says where they are and who we are to them. Its own listings hold everything in memory, its reads ask for an object's
size first, and its paths read `?` and `#` as something else than a key's letters: so the requests themselves are made here.

    opening > s3 | gcs | azure | elsewhere > cloud > patience > faults
"""
