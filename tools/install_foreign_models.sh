#!/bin/sh
# Classifiers that others trained, into .foreign: what `sightserve model add` is tested on. First argument: a Python with pip.
set -eu
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
stamp=.foreign/.installed
cmp -s requirements/foreign.txt "$stamp" && exit 0
# Several tests may ask at once: each fills a folder of its own, and the first that is whole stays.
made=$(mktemp -d .foreign.XXXXXX)
trap 'rm -rf "$made"' EXIT
echo "Downloading classifiers to test with (65 MB) ..." >&2
"$python" -m pip --quiet --disable-pip-version-check install --require-hashes --no-deps --only-binary :all: \
    --no-compile --target "$made/site" --requirement requirements/foreign.txt >&2
cp requirements/foreign.txt "$made/site/.installed"
rm -rf .foreign
"$python" -c 'import os, sys; os.rename(*sys.argv[1:])' "$made/site" .foreign 2>/dev/null || cmp -s requirements/foreign.txt "$stamp"
