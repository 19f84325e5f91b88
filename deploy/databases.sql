-- The two databases and who may do what. `location` is made here, so that callctl may be given this one table.
CREATE DATABASE IF NOT EXISTS callctl CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS kamailio CHARACTER SET utf8mb4;

CREATE USER IF NOT EXISTS callctl@'%';
ALTER USER callctl@'%' IDENTIFIED BY '@CALLCTL@';
GRANT ALL PRIVILEGES ON callctl.* TO callctl@'%';

CREATE USER IF NOT EXISTS kamailio@'%';
ALTER USER kamailio@'%' IDENTIFIED BY '@KAMAILIO@';
GRANT SELECT, INSERT, UPDATE, DELETE ON kamailio.* TO kamailio@'%';
