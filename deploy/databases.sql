-- Who may do what. Kamailio's tables are there already: callctl reads where phones are, and writes who they are; its
-- doctor looks whether edges know every node and carrier.
CREATE USER IF NOT EXISTS callctl@'%';
ALTER USER callctl@'%' IDENTIFIED BY '@CALLCTL@';
GRANT ALL PRIVILEGES ON callctl.* TO callctl@'%';
GRANT SELECT ON kamailio.location TO callctl@'%';
GRANT SELECT ON kamailio.version TO callctl@'%';
GRANT SELECT ON kamailio.dispatcher TO callctl@'%';
GRANT SELECT ON kamailio.address TO callctl@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON kamailio.subscriber TO callctl@'%';

CREATE USER IF NOT EXISTS kamailio@'%';
ALTER USER kamailio@'%' IDENTIFIED BY '@KAMAILIO@';
GRANT SELECT ON kamailio.* TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location TO kamailio@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location_attrs TO kamailio@'%';
