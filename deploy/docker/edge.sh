#!/bin/sh
# Writes this edge's facts out of its environment and secrets, then becomes Kamailio.
set -eu

facts=/tmp/edge
mkdir -p "$facts"
cp /etc/kamailio/*.cfg "$facts/"
if [ ! -s /run/tls/fullchain.pem ]; then
    # Until there is a real certificate: phones have to be told to accept this one.
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$EDGE_DOMAIN" \
        -keyout "$facts/privkey.pem" -out "$facts/fullchain.pem" 2>/dev/null
    tls=$facts
else
    tls=/run/tls
fi
cat >"$facts/edge.cfg" <<CFG
#!substdef "!EDGE_NAME!$EDGE_NAME!g"
#!substdef "!CORE_ADDRESS!$CORE_ADDRESS!g"
#!define SERVER_ID $SERVER_ID
#!define DB_URL "mysql://kamailio:$(cat /run/secrets/kamailio)@mysql/kamailio"
#!substdef "!ROUTE_SECRET!$(cat /run/secrets/route)!g"
listen=udp:$CORE_ADDRESS name "core"
listen=udp:0.0.0.0:5070 advertise $PUBLIC_IP:$PUBLIC_PORT name "out"
listen=tcp:0.0.0.0:5070 advertise $PUBLIC_IP:$PUBLIC_PORT
listen=tls:0.0.0.0:5071 advertise $PUBLIC_IP:$PUBLIC_TLS_PORT
alias=$EDGE_DOMAIN
#!substdef "!TLS_CERTIFICATE!$tls/fullchain.pem!g"
#!substdef "!TLS_KEY!$tls/privkey.pem!g"
#!define RTPENGINE "udp:$RELAY"
#!substdef "!CORE_FAMILY!IP4!g"
CFG
exec kamailio -f "$facts/kamailio.cfg" -DD -E -m 256 -Y /tmp
