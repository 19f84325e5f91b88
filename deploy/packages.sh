#!/bin/sh
# Installs the Debian packages that are missing: `run` for callctl and its demo, `test` for the tests as well.
# Only what no service starts from: MariaDB and Redis are run privately, never as the machine's own.
set -eu

need=""
want() { # want COMMAND-OR-FILE PACKAGE…
    probe=$1
    shift
    command -v "$probe" >/dev/null 2>&1 || [ -e "$probe" ] || need="$need $*"
}

want cc gcc
want pkg-config pkg-config
want mariadb_config libmariadb-dev
want mariadbd mariadb-server-core mariadb-client-core
want redis-server redis-server
python3 -c 'import ensurepip, venv' 2>/dev/null || need="$need python3-venv"
header=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
[ -e "$header" ] || need="$need python3-dev"
if [ "${1:-run}" = test ]; then
    want kamailio kamailio kamailio-mysql-modules kamailio-tls-modules kamailio-websocket-modules
    want sipp sip-tester
    want mmdebstrap mmdebstrap
    want rtpengine rtpengine-daemon
    want openssl openssl
fi
[ -n "$need" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Missing packages:$need. Install them as root: apt-get install$need" >&2; exit 3; }
    sudo=sudo
fi
command -v apt-get >/dev/null 2>&1 || { echo "Missing:$need. Install what these Debian packages hold, then try again." >&2; exit 3; }
echo "Installing$need"
# A package's service is not to start: everything here runs privately, on ports of its own.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
fi
status=0
$sudo apt-get update -qq || true
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=600 $need >/dev/null || status=3
[ -z "$made" ] || $sudo rm -f "$policy"
[ "$status" = 0 ] || echo "apt-get could not install$need: see its message above." >&2
exit "$status"
