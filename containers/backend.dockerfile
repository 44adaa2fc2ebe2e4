# The image of the API. From the root of the repository:
#   docker build -f containers/backend.dockerfile -t sightserve-backend .
#   docker run --rm -p 8000:8000 --read-only sightserve-backend
# BASE is any image with Python 3.11 or newer on its PATH, the module venv, and glibc.
ARG BASE=python:3.13-slim

# What builds, and stays behind: pip lives here, never in the environment that is shipped.
FROM ${BASE} AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /tools && python3 -m venv --without-pip /opt/venv

# The locked dependencies come first: they change less often than the code, and are a layer of their own.
FROM tools AS dependencies
COPY requirements/backend.txt containers/slim.py /build/
RUN /tools/bin/python -m pip --python /opt/venv/bin/python install --quiet --no-compile \
        --require-hashes --only-binary :all: -r /build/backend.txt \
    && /opt/venv/bin/python /build/slim.py /opt/venv

FROM tools AS application
COPY requirements/build.txt containers/slim.py /build/
RUN /tools/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r /build/build.txt
COPY LICENSE README.md pyproject.toml /build/source/
COPY src /build/source/src
RUN /tools/bin/python -m pip install --quiet --no-compile --no-deps --no-index --no-build-isolation \
        --target /opt/app /build/source \
    && rm -rf /opt/app/bin \
    && python3 /build/slim.py /opt/app

# What is in the image, for whoever has to know: docker run --rm --entrypoint cat IMAGE /usr/share/doc/sightserve/sbom.cdx.json
FROM tools AS inventory
COPY requirements/sbom.txt containers/sbom.py /build/
RUN /tools/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r /build/sbom.txt
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=application /opt/app /opt/app
RUN /tools/bin/python /build/sbom.py sightserve-backend /opt/venv /opt/app > /build/sbom.cdx.json

FROM ${BASE}
RUN useradd --no-log-init --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sightserve
# Some bases lack the standard library's bytecode and would compile it at every start; where it is there, this adds nothing.
RUN python3 -m compileall -q -x '/(dist-packages|site-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=application /opt/app /opt/app
COPY --from=inventory /build/sbom.cdx.json /usr/share/doc/sightserve/sbom.cdx.json
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SIGHTSERVE_HOST=0.0.0.0 \
    PORT=8000
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /opt/app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "sightserve"]
CMD ["serve"]
ARG VERSION=unknown
ARG REVISION=unknown
# Ours, and that of libheif and libde265, which pi-heif bundles; permissive ones besides.
LABEL org.opencontainers.image.title="Sightserve backend" \
      org.opencontainers.image.description="An image classifier behind an HTTP API" \
      org.opencontainers.image.licenses="Apache-2.0 AND LGPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
