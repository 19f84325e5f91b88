#!/bin/sh
# Once, before everything else: databases, Kamailio's tables, who may do what, and the nodes that edges send calls to.
set -eu

sql() { MYSQL_PWD=$(cat /run/secrets/mysql_root) mariadb -h mysql -u root "$@"; }

sql <<'SQL'
CREATE DATABASE IF NOT EXISTS callctl CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS kamailio CHARACTER SET latin1;
SQL
if [ "$(sql -N -e "SHOW TABLES FROM kamailio LIKE 'location'")" != location ]; then
    for name in standard usrloc auth_db dispatcher permissions; do
        sql kamailio <"/usr/share/kamailio/mysql/$name-create.sql"
    done
fi
sed -e "s/@CALLCTL@/$(cat /run/secrets/mysql)/" -e "s/@KAMAILIO@/$(cat /run/secrets/kamailio)/" /etc/callctl/databases.sql | sql
for node in $NODES; do
    sql kamailio -e "INSERT INTO dispatcher (setid, destination) SELECT 1, 'sip:$node' FROM DUAL
        WHERE NOT EXISTS (SELECT 1 FROM dispatcher WHERE destination = 'sip:$node')"
done
