-- What an edge may do in MySQL: read who is who, and write registrations.
CREATE USER IF NOT EXISTS 'kamailio'@'%' IDENTIFIED BY 'PASSWORD';
GRANT SELECT ON kamailio.* TO 'kamailio'@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location TO 'kamailio'@'%';
GRANT INSERT, UPDATE, DELETE ON kamailio.location_attrs TO 'kamailio'@'%';
