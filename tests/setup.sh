#!/bin/sh
# Installs the packages that building and testing need. Debian and Ubuntu: through apt, only those that are missing,
# with sudo when not root. Elsewhere: prints the names for the system's own tool and stops.
set -eu
required="gcc make pkg-config perl libopenmpi-dev openmpi-bin libopenblas-dev libpng-dev libjpeg62-turbo-dev libyaml-dev zlib1g-dev"
optional="libdnnl-dev" # oneDNN: faster matrix products; the program builds without it
# BROWSER=yes (64 MB, 220 MB on the disk): the tests look at the HTML report in it.
[ "${BROWSER:-no}" = no ] || optional="$optional chromium-headless-shell"

if ! command -v apt-get >/dev/null 2>&1; then
    cat <<'TEXT'
No apt-get here. Install these and run `make`:
  dnf (Fedora, Rocky, Alma):  gcc make pkgconf openmpi-devel openblas-devel libpng-devel libjpeg-turbo-devel libyaml-devel zlib-devel perl-Test-Harness
  zypper (openSUSE, SLE):     gcc make pkg-config openmpi4-devel openblas-devel libpng16-devel libjpeg8-devel libyaml-devel zlib-devel perl
  Spack:                      openmpi openblas libpng libjpeg-turbo libyaml zlib pkgconf   (optional: onednn)
TEXT
    exit 1
fi

[ "$(. /etc/os-release && echo "$ID")" = ubuntu ] && required=$(echo "$required" | sed 's/libjpeg62-turbo-dev/libjpeg-dev/')

missing() {
    for p in "$@"; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$p"
    done
}
todo=$(missing $required)
wanted=$(missing $optional)
if [ -z "$todo$wanted" ]; then
    echo "setup: everything is installed"
    exit 0
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "setup: install as root: apt-get install $todo$wanted" >&2
        exit 1
    }
    sudo=sudo
fi
echo "setup: installing $todo$wanted"
$sudo apt-get update -qq
[ -z "$todo" ] || $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $todo
# What is optional may be absent from a distribution; that is no failure.
[ -z "$wanted" ] || $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted ||
    echo "setup: without $wanted (optional)"
