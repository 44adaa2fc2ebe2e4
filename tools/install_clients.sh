#!/bin/sh
# What the slow tests ask with, and through: a JDK, curl, and nginx as the proxy before the web app. As root on Debian.
set -eu
missing=
command -v javac >/dev/null 2>&1 || missing="$missing default-jdk-headless"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v nginx >/dev/null 2>&1 || missing="$missing nginx-light"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "needs:$missing" >&2
    exit 1
fi
echo "Installing$missing ..."
apt-get update -qq
# shellcheck disable=SC2086 - the names are words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
