-- Kamailio's `location` as two edges on one database write it: some phones at edge 1, some at edge 2, one at both.
CREATE DATABASE IF NOT EXISTS kamailio;
USE kamailio;
CREATE TABLE IF NOT EXISTS `version` (
  `id` INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `table_name` VARCHAR(32) NOT NULL UNIQUE,
  `table_version` INT UNSIGNED NOT NULL DEFAULT 0
);
INSERT IGNORE INTO `version` (`table_name`, `table_version`) VALUES ('location', 9);
CREATE TABLE IF NOT EXISTS `location` (
  `id` INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `ruid` VARCHAR(64) NOT NULL DEFAULT '' UNIQUE,
  `username` VARCHAR(64) NOT NULL DEFAULT '',
  `domain` VARCHAR(64) DEFAULT NULL,
  `contact` VARCHAR(512) NOT NULL DEFAULT '',
  `received` VARCHAR(128) DEFAULT NULL,
  `path` VARCHAR(512) DEFAULT NULL,
  `expires` DATETIME NOT NULL DEFAULT '2030-05-28 21:32:15',
  `q` FLOAT(10,2) NOT NULL DEFAULT 1.0,
  `callid` VARCHAR(255) NOT NULL DEFAULT 'Default-Call-ID',
  `cseq` INT NOT NULL DEFAULT 1,
  `last_modified` DATETIME NOT NULL DEFAULT '2000-01-01 00:00:01',
  `flags` INT NOT NULL DEFAULT 0,
  `cflags` INT NOT NULL DEFAULT 0,
  `user_agent` VARCHAR(255) NOT NULL DEFAULT '',
  `socket` VARCHAR(64) DEFAULT NULL,
  `methods` INT DEFAULT NULL,
  `instance` VARCHAR(255) DEFAULT NULL,
  `reg_id` INT NOT NULL DEFAULT 0,
  `server_id` INT NOT NULL DEFAULT 0,
  `connection_id` INT NOT NULL DEFAULT 0,
  `keepalive` INT NOT NULL DEFAULT 0,
  `partition` INT NOT NULL DEFAULT 0,
  KEY `account_contact_idx` (`username`, `domain`, `contact`),
  KEY `expires_idx` (`expires`)
);
DELETE FROM `location`;
INSERT INTO `location` (ruid, username, domain, contact, expires, q, last_modified, socket, instance, server_id)
SELECT CONCAT('uloc-', edge.id, '-', phone.user), phone.user, 'example.net',
       CONCAT('sip:', phone.user, '@192.0.2.', edge.id, ':5060'),
       UTC_TIMESTAMP() + INTERVAL 1 DAY, edge.q, UTC_TIMESTAMP(),
       edge.socket, CONCAT('<urn:uuid:', phone.user, '-', edge.id, '>'), edge.id
FROM (SELECT 1 AS id, 1.0 AS q, 'udp:203.0.113.1:5060' AS socket UNION SELECT 2, 0.5, 'tls:203.0.113.2:5061') AS edge
JOIN (SELECT 1001 AS user, 1 AS home UNION SELECT 1002, 2 UNION SELECT 1003, 1 UNION SELECT 1004, 1 UNION SELECT 1005, 2
      UNION SELECT 1006, 1 UNION SELECT 1007, 2 UNION SELECT 1008, 1 UNION SELECT 1009, 0 UNION SELECT 1010, 2) AS phone
  ON phone.home IN (edge.id, 0);
