"""The backend: an image in, a label out. `pipeline.py` is the data path; `http/` puts it on the network."""
