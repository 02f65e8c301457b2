#!/usr/bin/env bash
# The SLURM tests on the SLURM of Debian 13 (24.11), in a Debian of its own: root, debootstrap, 4 GB and a network.
#
#   newer.sh [arguments of pytest]     default: all of tests/slurm
#
# NEWER_SUITE  another release of Debian than trixie, with another SLURM
# NEWER_ROOT   the folder of that Debian (default: hpcsweep-trixie in the temporary directory). It stays, so that the
#              next call only takes over the working tree as it is. What is mounted in it is gone when this script ends.
set -euo pipefail
cd "$(dirname "$0")/../.."
SUITE=${NEWER_SUITE:-trixie}
ROOT=$(readlink -m "${NEWER_ROOT:-${TMPDIR:-/tmp}/hpcsweep-$SUITE}")
[ "$(id -u)" = 0 ] || { echo "newer.sh: a Debian of its own needs root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "newer.sh: type: apt-get install debootstrap" >&2; exit 2; }

if [ ! -e "$ROOT/.made" ]; then
  debootstrap --variant=minbase \
    --include=python3,python3-venv,make,git,procps,ca-certificates,debootstrap,charliecloud,environment-modules \
    "$SUITE" "$ROOT" >/dev/null
  touch "$ROOT/.made"
fi
# its commands see this machine's network as this machine does
for file in /etc/hosts /etc/resolv.conf /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  if [ -e "$file" ]; then cp -L "$file" "$ROOT$file"; fi
done
mkdir -p "$ROOT/hpcsweep"
find "$ROOT/hpcsweep" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$ROOT/hpcsweep"

unset TMPDIR
exec unshare --mount --propagation private bash -s "$ROOT" "${@:-tests/slurm}" <<'EOC'
set -euo pipefail
ROOT=$1; shift
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
mount --rbind /dev "$ROOT/dev"
# not chroot, in which the kernel lets nobody make the user namespaces that containers need
cd "$ROOT"
pivot_root . .
umount --lazy .
cd /
exec bash -euc '
  cd /hpcsweep
  export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  bash tests/slurm/cluster.sh install
  make -s setup
  slurmctld -V
  exec .venv/bin/python -m pytest -q -n "${PROCESSES:-4}" "$@"' bash "$@"
EOC
