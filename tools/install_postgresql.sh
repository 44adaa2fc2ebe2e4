#!/bin/sh
# The database that the slow tests of feedback run, kill and start again. As root on Debian.
set -eu
for program in /usr/lib/postgresql/*/bin/postgres; do
    [ -x "$program" ] && exit 0
done
command -v postgres >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "needs: postgresql" >&2
    exit 1
fi
echo "Installing postgresql ..."
apt-get update -qq
# the server alone: without this, Debian makes a cluster and starts it
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
