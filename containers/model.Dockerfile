# The backend's image with a model of your own in it. The context is the bundle's folder, where nothing else lies:
#   docker build -f containers/model.Dockerfile --build-arg BACKEND=sightserve-backend -t my-backend ~/.local/share/sightserve/models/my-model
ARG BACKEND=sightserve-backend
FROM ${BACKEND}
# Whoever wrote the files, and for whose eyes: the image's user reads them.
COPY --chmod=0555 . /model
# What is damaged ends the build, and not the first start.
RUN ["python", "-c", "from pathlib import Path; from sightserve.bundle.manifest import load_bundle; load_bundle(Path('/model'))"]
ENV SIGHTSERVE_MODEL=/model
