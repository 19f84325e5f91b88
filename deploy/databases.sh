#!/bin/sh
# Sets up MariaDB and Redis on this Debian host for callctl and the edges. Run it again whenever you like.
#   deploy/databases.sh [ADDRESS]    ADDRESS: where controllers and edges reach this host; 127.0.0.1 without
# 在本机（Debian）为 callctl 和边缘代理配置 MariaDB 和 Redis；可重复运行。ADDRESS 为其他主机访问本机的地址。
set -eu

[ "$(id -u)" = 0 ] || { echo "Run this as root: it adds packages and configures services." >&2; exit 2; }
address=${1:-127.0.0.1}
source=$(cd "$(dirname "$0")/.." && pwd)
etc=/etc/callctl

# Kamailio's own statements, out of its package; Kamailio itself is not for this host.
kamailio_tables() {
    [ "$(mariadb -N -e "SHOW TABLES FROM kamailio LIKE 'location'")" = location ] && return
    unpacked=$(mktemp -d)
    (cd "$unpacked" && apt-get -o APT::Sandbox::User=root download -qq kamailio-mysql-modules && dpkg-deb -x ./*.deb .)
    for name in standard usrloc auth_db dispatcher permissions; do
        mariadb kamailio <"$unpacked/usr/share/kamailio/mysql/$name-create.sql"
    done
    rm -rf "$unpacked"
}

echo "== Packages"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends mariadb-server redis-server openssl >/dev/null

echo "== Passwords in $etc"
[ -d "$etc" ] || install -d -m 0750 "$etc"
for name in mysql redis kamailio; do
    file=$etc/$name.password
    [ -s "$file" ] || (umask 077 && openssl rand -hex 16 >"$file")
done

echo "== MariaDB"
sed "s/@ADDRESS@/$address/" "$source/deploy/mariadb.cnf" >/etc/mysql/mariadb.conf.d/60-callctl.cnf
service mariadb restart >/dev/null
tries=0
until mariadb -e 'SELECT 1' >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { echo "MariaDB does not answer root on its socket: see its log." >&2; exit 3; }
    sleep 0.5
done
mariadb <<'SQL'
CREATE DATABASE IF NOT EXISTS callctl CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS kamailio CHARACTER SET latin1;
SQL
kamailio_tables
sed -e "s/@CALLCTL@/$(cat "$etc/mysql.password")/" -e "s/@KAMAILIO@/$(cat "$etc/kamailio.password")/" \
    "$source/deploy/databases.sql" | mariadb

echo "== Redis"
(
    umask 077
    sed "s/@ADDRESS@/$address/" "$source/deploy/redis.conf"
    echo "requirepass $(cat "$etc/redis.password")"
) >/etc/redis/callctl.conf
chown redis:redis /etc/redis/callctl.conf
grep -q '^include /etc/redis/callctl.conf$' /etc/redis/redis.conf || echo 'include /etc/redis/callctl.conf' >>/etc/redis/redis.conf
service redis-server restart >/dev/null

echo "Done. Copy $etc/mysql.password and $etc/redis.password to each controller, $etc/kamailio.password to each edge."
