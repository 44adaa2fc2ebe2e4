#!/bin/sh
# What builds and runs the images where there is no Docker: buildah, podman with its network, debootstrap for a base; as root on Debian.
set -eu
missing=
for name in buildah podman runc debootstrap iptables; do
    command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
done
for name in netavark aardvark-dns; do
    [ -x "/usr/lib/podman/$name" ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "needs:$missing (and to be root: images are built in a chroot)" >&2
    exit 1
fi
echo "Installing$missing ..."
apt-get update -qq
# shellcheck disable=SC2086 - the names are words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
