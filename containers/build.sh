#!/bin/sh
# Builds both images where there is no Docker: with buildah, as root, on Debian. Where there is Docker, docker build does it.
# Usage: containers/build.sh [backend] [frontend]
# Environment: MODEL (the folder of a bundle: localhost/sightserve-backend-model is the backend with it),
#              BASE (the base image; found or made when unset), BUILD_FLAGS (more words for buildah build),
#              SIGHTSERVE_CACHE (where the base that it makes is kept; ~/.cache/sightserve)
set -eu
if [ -n "${MODEL:-}" ]; then
    [ -f "$MODEL/manifest.json" ] || { echo "$MODEL/manifest.json is not there: MODEL names a bundle's folder" >&2; exit 2; }
    MODEL=$(cd "$MODEL" && pwd)
fi
cd "$(dirname "$0")/.."
cache=${SIGHTSERVE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sightserve}
debian_base=localhost/sightserve-base:trixie

# A base as small as python:3.13-slim and from the same Debian, for where that cannot be pulled. Made once, kept in the cache.
make_base() {
    archive=$cache/base-trixie.tar
    if [ ! -f "$archive" ]; then
        echo "Making a Python base from Debian's packages (once, about a minute) ..." >&2
        mkdir -p "$cache"
        folder=$(mktemp -d "$cache/base.XXXXXX")
        trap 'rm -rf "$folder"' EXIT
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$folder" >"$cache/base.log" 2>&1 ||
            { tail -n 20 "$cache/base.log" >&2; exit 1; }
        rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/* "$folder"/dev/*
        tar -C "$folder" -c . >"$archive.part"
        mv "$archive.part" "$archive"
        rm -rf "$folder"
        trap - EXIT
    fi
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$archive" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
    buildah commit --quiet --rm "$container" "$debian_base" >/dev/null
}

if [ -z "${BASE:-}" ]; then
    if timeout 120 buildah pull --quiet python:3.13-slim >/dev/null 2>&1; then
        BASE=python:3.13-slim
    else
        BASE=$debian_base
        buildah inspect --type image "$BASE" >/dev/null 2>&1 || make_base
    fi
fi

# pip inside reaches its index as it does outside: what says how is mounted for the build, and is in no image.
flags=${BUILD_FLAGS:-}
certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
[ -z "$certificates" ] || flags="$flags --volume $certificates:/etc/ssl/certs/ca-certificates.crt:ro"
if [ -n "${PIP_CONFIG_FILE:-}" ] && [ -f "$PIP_CONFIG_FILE" ]; then
    flags="$flags --volume $PIP_CONFIG_FILE:/etc/pip.conf:ro"
elif [ -n "${PIP_INDEX_URL:-}" ]; then
    settings=$(mktemp)
    trap 'rm -f "$settings"' EXIT
    printf '[global]\nindex-url = %s\n' "$PIP_INDEX_URL" >"$settings"
    flags="$flags --volume $settings:/etc/pip.conf:ro"
fi

# The commit goes into the Dockerfile's lines: buildah looks for neither arguments nor --label where it looks for a layer.
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
dockerfile=$(mktemp)
trap 'rm -f "$dockerfile" ${settings:-}' EXIT
sed "s/image.revision=\"unknown\"/image.revision=\"$revision\"/" containers/Dockerfile >"$dockerfile"

for half in ${*:-backend frontend}; do
    # The Docker format, since the other has no place for the health check.
    # shellcheck disable=SC2086 - the flags are words
    buildah build --quiet --layers --format docker --isolation chroot --network host $flags \
        --build-arg "BASE=$BASE" \
        -f "$dockerfile" --target "$half" -t "localhost/sightserve-$half" . >/dev/null
    echo "localhost/sightserve-$half on $BASE"
done

if [ -n "${MODEL:-}" ]; then
    # shellcheck disable=SC2086 - the flags are words
    buildah build --quiet --layers --format docker --isolation chroot --network host ${BUILD_FLAGS:-} \
        --build-arg BACKEND=localhost/sightserve-backend \
        -f containers/model.Dockerfile -t localhost/sightserve-backend-model "$MODEL" >/dev/null
    echo "localhost/sightserve-backend-model with $MODEL"
fi
