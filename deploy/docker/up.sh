#!/bin/sh
# One command up: makes the secrets that are not there yet, then the whole platform of compose.yaml.
#   PUBLIC_IP=203.0.113.1 deploy/docker/up.sh        the address that phones reach this host at
# 一条命令启动整个平台；首次运行时生成各项密码。PUBLIC_IP 为话机访问本机的地址。
set -eu

: "${PUBLIC_IP:?say where phones reach this host: PUBLIC_IP=203.0.113.1 deploy/docker/up.sh}"
export PUBLIC_IP
here=$(cd "$(dirname "$0")" && pwd)
secrets=$here/secrets
umask 077
mkdir -p "$secrets"
for name in mysql_root mysql kamailio redis node route grafana; do
    [ -s "$secrets/$name" ] || openssl rand -hex 16 >"$secrets/$name"
    chmod 644 "$secrets/$name" # read by users of containers, whose numbers nobody knows; the folder is closed to others
done
[ -s "$secrets/redis.conf" ] || {
    sed -e '/^bind /d' -e '/^protected-mode /d' "$here/../redis.conf"
    echo "requirepass $(cat "$secrets/redis")"
} >"$secrets/redis.conf"
chmod 644 "$secrets/redis.conf"
exec docker compose -f "$here/../compose.yaml" up --detach --build --wait
