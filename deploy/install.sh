#!/bin/sh
# Installs callctl on this Debian host from the folder this script lies in, or upgrades it. Run it again whenever you
# like: configuration and passwords that are there stay as they are.
# 在本机（Debian）安装或升级 callctl。可重复运行：已有的配置和密码保持不变。
set -eu

[ "$(id -u)" = 0 ] || { echo "Run this as root: it adds packages, a user and a service." >&2; exit 2; }
command -v apt-get >/dev/null || { echo "This is for Debian: docs/install.md says what it does, step by step." >&2; exit 2; }

source=$(cd "$(dirname "$0")/.." && pwd)
etc=/etc/callctl
releases=/opt/callctl/releases

echo "== Packages"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-venv python3-dev gcc pkg-config libmariadb-dev \
    mariadb-client redis-tools openssl >/dev/null

echo "== User callctl and its folders"
getent passwd callctl >/dev/null ||
    useradd --system --home-dir /var/lib/callctl --shell /usr/sbin/nologin --user-group callctl
install -d -m 0755 "$releases"
install -d -m 0750 -o root -g callctl "$etc"
install -d -m 0750 -o callctl -g callctl /var/lib/callctl
install -d -m 0700 /var/backups/callctl

echo "== Configuration in $etc"
for name in mysql redis node; do
    file=$etc/$name.password
    [ -s "$file" ] || (umask 077 && openssl rand -hex 16 >"$file")
    chown root:callctl "$file"
    chmod 0640 "$file"
done
[ -e "$etc/callctl.toml" ] || install -m 0640 -o root -g callctl "$source/deploy/callctl.toml" "$etc/callctl.toml"

echo "== callctl itself"
# A release is a folder of its own: the one that runs is not touched until the new one is whole and its schema is there.
new=$releases/$(date -u +%Y%m%d-%H%M%S)
trap 'rm -rf "$new"' EXIT
python3 -m venv "$new"
"$new/bin/pip" install --quiet --disable-pip-version-check "$source"
cp -r "$source/deploy" "$source/freeswitch-conf" "$source/examples" "$source/docs" "$new/"
if ! runuser -u callctl -- "$new/bin/callctl" migrate; then
    echo "Nothing was changed over yet. Mend what the line above says, then run this again:" >&2
    echo "  the database: deploy/databases.sh on its host; where it is: [mysql] in $etc/callctl.toml;" >&2
    echo "  its password: $etc/mysql.password, the same on every host." >&2
    exit 3
fi
trap - EXIT
ln -sfn "$new" /opt/callctl/current.new
mv -T /opt/callctl/current.new /opt/callctl/current
ln -sfn /opt/callctl/current/bin/callctl /usr/local/bin/callctl
# The one before stays, to go back to: point `current` at it and restart.
find "$releases" -mindepth 1 -maxdepth 1 | sort -r | tail -n +3 | xargs -r rm -rf

echo "== Services"
install -m 0644 "$new"/deploy/systemd/callctl*.service "$new"/deploy/systemd/callctl*.timer /etc/systemd/system/
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet --now callctl-backup.timer
    systemctl enable --quiet callctl
    systemctl restart callctl
fi

echo "Installed. Edit $etc/callctl.toml, \`systemctl restart callctl\`, then \`callctl doctor\` until it has nothing to say."
