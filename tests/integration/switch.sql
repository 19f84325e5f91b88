-- A small company as OV500 keeps one: only the tables and columns that the import reads.
CREATE TABLE sys_currencies (currency_id INT, name VARCHAR(50));
CREATE TABLE sys_currencies_conversions (id INT, ratio DECIMAL(12,4), currency_id INT);
CREATE TABLE account (
  id INT, account_id VARCHAR(30), parent_account_id VARCHAR(30), status_id ENUM('1','0','-1','-2'),
  account_type ENUM('CUSTOMER','RESELLER'), dp INT, currency_id INT, account_cc INT, account_cps INT,
  tax_type ENUM('inclusive','exclusive'), tax1 DOUBLE(8,4), tax2 DOUBLE(8,4), tax3 DOUBLE(8,4), account_codecs VARCHAR(255),
  codecs_force ENUM('1','0'), media_transcoding ENUM('1','0'), media_rtpproxy ENUM('1','0'), max_callduration INT,
  round_logic ENUM('CEIL','ROUND'), force_dst_src_cli_prefix ENUM('1','0'));
CREATE TABLE customers (customer_id INT, account_id VARCHAR(30), company_name VARCHAR(50),
  billing_type ENUM('prepaid','postpaid','netoff'));
CREATE TABLE resellers (id INT, account_id VARCHAR(30), company_name VARCHAR(50));
CREATE TABLE customer_voipminuts (id INT, account_id VARCHAR(30), billingcode VARCHAR(30), tariff_id VARCHAR(30));
CREATE TABLE customer_balance (id INT, account_id VARCHAR(30), credit_limit DOUBLE(12,6), balance DOUBLE(12,6));
CREATE TABLE customer_sip_account (
  id INT, username VARCHAR(30), secret VARCHAR(30), ipaddress VARCHAR(30), status ENUM('1','0'), account_id VARCHAR(30),
  sip_cc INT, sip_cps INT, ipauthfrom ENUM('FROM','SRC','NO'), extension_no VARCHAR(10), voicemail_enabled ENUM('Y','N'),
  display_name VARCHAR(30), caller_id VARCHAR(150), call_forward_busy ENUM('Y','N'));
CREATE TABLE customer_ips (id INT, account_id VARCHAR(30), ipaddress VARCHAR(30), ip_status ENUM('1','0'), ip_cc INT,
  ip_cps INT, description VARCHAR(30), dialprefix VARCHAR(30), billingcode VARCHAR(30));
CREATE TABLE tariff (id INT, tariff_id VARCHAR(30), tariff_name VARCHAR(30), tariff_currency_id INT,
  tariff_status ENUM('1','0'), tariff_type ENUM('CARRIER','CUSTOMER'), bundle_option ENUM('1','0'));
CREATE TABLE tariff_ratecard_map (id INT, ratecard_id VARCHAR(30), tariff_id VARCHAR(30), start_day INT,
  start_time VARCHAR(8), end_day INT, end_time VARCHAR(8), priority INT, status ENUM('1','0'));
CREATE TABLE ratecard (id INT, ratecard_id VARCHAR(30), ratecard_for ENUM('INCOMING','OUTGOING'));
CREATE TABLE customer_rates (
  rate_id INT AUTO_INCREMENT PRIMARY KEY, ratecard_id VARCHAR(30), prefix VARCHAR(25), destination VARCHAR(150),
  rate DOUBLE(12,6), connection_charge DOUBLE, minimal_time INT, resolution_time INT, grace_period INT DEFAULT 0,
  rate_multiplier DECIMAL(5,2) DEFAULT 1, rate_addition DECIMAL(5,2) DEFAULT 0, rates_status ENUM('0','1') DEFAULT '1');
CREATE TABLE carrier_rates LIKE customer_rates;
CREATE TABLE carrier (
  id INT, carrier_id VARCHAR(30), carrier_name VARCHAR(30), tariff_id VARCHAR(30), carrier_status INT, carrier_cps INT,
  carrier_cc INT, carrier_currency_id INT, carrier_progress_timeout INT, carrier_ring_timeout INT,
  cli_prefer ENUM('rpid','pid','no'), carrier_codecs VARCHAR(50), tax1 FLOAT, tax_type ENUM('inclusive','exclusive'), dp INT);
CREATE TABLE carrier_ips (id INT, carrier_id VARCHAR(30), ipaddress VARCHAR(30), load_share INT, priority INT,
  ip_status ENUM('1','0'), auth_type ENUM('IP','CUSTOMER'), username VARCHAR(50), passwd VARCHAR(50));
CREATE TABLE carrier_prefix (id INT AUTO_INCREMENT PRIMARY KEY, carrier_id VARCHAR(30), maching_string VARCHAR(30),
  remove_string VARCHAR(30), add_string VARCHAR(30), display_string VARCHAR(35), route VARCHAR(20));
CREATE TABLE carrier_callerid LIKE carrier_prefix;
CREATE TABLE customer_dialpattern (id INT AUTO_INCREMENT PRIMARY KEY, account_id VARCHAR(30), maching_string VARCHAR(30),
  match_length INT, remove_string VARCHAR(20), add_string VARCHAR(20), display_string VARCHAR(30),
  action_type ENUM('1','0') DEFAULT '1', route VARCHAR(20));
CREATE TABLE customer_callerid LIKE customer_dialpattern;
CREATE TABLE dialplan (id INT, dialplan_id VARCHAR(30), dialplan_name VARCHAR(20), failover_sipcause_list VARCHAR(300));
CREATE TABLE dialplan_prefix_list (id INT, dialplan_id VARCHAR(30), dial_prefix VARCHAR(30), priority INT,
  route_status ENUM('0','1'), carrier_id VARCHAR(30), start_day INT, start_time VARCHAR(8), end_day INT, end_time VARCHAR(8),
  load_share INT);
CREATE TABLE customer_dialplan (id INT, account_id VARCHAR(30), dialplan_id VARCHAR(30), maching_string VARCHAR(30),
  remove_string VARCHAR(30));
CREATE TABLE reseller_dialplan (id INT, account_id VARCHAR(30), dialplan_id VARCHAR(30));
CREATE TABLE did (did_id INT, did_number VARCHAR(30), did_status ENUM('NEW','USED','DEAD','BLOCKED'), carrier_id VARCHAR(30),
  account_id VARCHAR(30), channels INT, did_name VARCHAR(150));
CREATE TABLE did_dst (did_dst_id INT, did_number VARCHAR(30), dst_type ENUM('IP','CUSTOMER','PSTN'),
  dst_destination VARCHAR(30), dst_type2 ENUM('IP','CUSTOMER','PSTN'), dst_destination2 VARCHAR(30));
CREATE TABLE bundle_account (id INT, bundle_package_id VARCHAR(30), account_id VARCHAR(30));

INSERT INTO sys_currencies VALUES (1, 'ZAR'), (4, 'USD'), (5, 'EURO');
INSERT INTO sys_currencies_conversions VALUES (1, 1, 1), (2, 0.0680, 4), (3, 0.0500, 5), (4, 0.0625, 4);

INSERT INTO account VALUES
  (1, 'STC1', 'STR2', '1', 'CUSTOMER', 4, 4, 10, 2, 'exclusive', 10, 0, 0, 'g729,PCMU,PCMA', '1', '1', '1', 30, NULL, '0'),
  (2, 'STR1', '', '1', 'RESELLER', 2, 4, 100, 20, 'exclusive', 0, 0, 0, 'G729,PCMU,PCMA', '0', '0', '0', 30, 'ROUND', '0'),
  (3, 'STR2', 'STR1', '1', 'RESELLER', 4, 4, 50, NULL, 'inclusive', 5, 2.5, 0, 'PCMU,PCMA', '0', '0', '0', 600, NULL, '0'),
  (4, 'STC2', 'SYSTEM', '1', 'CUSTOMER', 4, 4, 5, 1, 'exclusive', 0, 0, 0, 'PCMA', '0', '0', '0', 30, NULL, '1'),
  (5, 'STC 3', '', '-2', 'CUSTOMER', 4, 5, 1, 1, 'exclusive', 0, 0, 0, NULL, '0', '0', '0', 30, NULL, '0'),
  (6, 'STC4', 'GONE', '1', 'CUSTOMER', 4, 9, 1, 1, 'exclusive', 0, 0, 0, NULL, '0', '0', '0', 30, NULL, '0');
INSERT INTO customers VALUES (1, 'STC1', '北京电话', 'prepaid'), (2, 'STC2', 'O''Brien & Søn', 'postpaid'),
  (3, 'STC 3', 'Gone Ltd', 'prepaid');
INSERT INTO resellers VALUES (1, 'STR1', 'Groß Télécom'), (2, 'STR2', 'Zweite');
INSERT INTO customer_voipminuts VALUES (1, 'STC1', '', 'CUST'), (2, 'STR1', 'AAA', 'RES'), (3, 'STR2', '', 'RES'),
  (4, 'STC2', '', 'BIG'), (5, 'STC 3', '', 'CUST');
INSERT INTO customer_balance VALUES (1, 'STC1', 0, -25.5), (2, 'STR1', 500, 0), (3, 'STR2', 100, 12.345678), (4, 'STC2', 50, 20),
  (5, 'STC4', 10, 5);

INSERT INTO customer_sip_account VALUES
  (1, 'alice', 's3''cret', '', '1', 'STC1', 1, 1, 'NO', '01002', 'N', '爱丽丝', '442079460000', 'N'),
  (2, 'bob', 'hunter2', '198.51.100.9', '1', 'STC1', 1, 1, 'SRC', '1002', 'Y', NULL, NULL, 'Y'),
  (3, 'carol', 'x', '', '0', 'STC1', 1, 1, 'NO', '1003', 'N', NULL, NULL, 'N'),
  (4, 'dave smith', 'x', '', '1', 'STC2', 1, 1, 'NO', '1', 'N', NULL, NULL, 'N'),
  (5, 'erin', '', '', '1', 'STC2', 1, 1, 'NO', '771', 'N', NULL, NULL, 'N'),
  (6, 'frank', 'hunter22', '', '1', 'STC1', 1, 1, 'NO', '1002', 'N', NULL, NULL, 'N');
INSERT INTO customer_ips VALUES
  (1, 'STC2', '203.0.113.5', '1', 10, 1, 'pbx', '77%', ''), (2, 'STC1', '203.0.113.6', '1', 10, 1, NULL, '%', NULL),
  (3, 'STC1', '203.0.113.5', '1', 10, 1, NULL, '77%', 'CODE'), (4, 'STC1', 'pbx.example.net', '1', 10, 1, NULL, '%', ''),
  (5, 'STC1', '203.0.113.7', '0', 10, 1, NULL, '%', '');

INSERT INTO tariff VALUES (1, 'CUST', 'Côte & co', 4, '1', 'CUSTOMER', '1'), (2, 'RES', 'Resellers', 4, '1', 'CUSTOMER', '0'),
  (3, 'BIG', 'Many', 4, '1', 'CUSTOMER', '0'), (4, 'COST1', 'Carrier 1', 4, '1', 'CARRIER', '0'),
  (5, 'COST2', 'Carrier 2', 4, '1', 'CARRIER', '0'), (6, 'SPARE', 'Nobody''s', 4, '1', 'CUSTOMER', '0');
INSERT INTO ratecard VALUES (1, 'PEAK', 'OUTGOING'), (2, 'BASE', 'OUTGOING'), (3, 'DIDS', 'INCOMING'), (4, 'WHOLE', 'OUTGOING'),
  (5, 'MANY', 'OUTGOING'), (6, 'BUY', 'OUTGOING'), (7, 'NIGHT', 'OUTGOING');
INSERT INTO tariff_ratecard_map VALUES
  (1, 'PEAK', 'CUST', 0, '08:00:00', 4, '17:59:59', 1, '1'), (2, 'BASE', 'CUST', 0, '00:00:00', 6, '23:59:59', 2, '0'),
  (3, 'DIDS', 'CUST', 0, '00:00:00', 6, '24:00:00', 1, '1'), (4, 'NIGHT', 'CUST', 5, '22:00:00', 0, '06:00:00', 1, '1'),
  (5, 'WHOLE', 'RES', 0, '00:00:00', 6, '24:00:00', 1, '1'), (6, 'MANY', 'BIG', 0, '00:00:00', 6, '23:59:59', 1, '1'),
  (7, 'BUY', 'COST1', 0, '00:00:00', 6, '23:59:59', 1, '1'), (8, 'BUY', 'COST2', 0, '00:00:00', 6, '23:59:59', 1, '1'),
  (9, 'WHOLE', 'SPARE', 0, '00:00:00', 6, '24:00:00', 1, '1');
INSERT INTO customer_rates (ratecard_id, prefix, destination, rate, connection_charge, minimal_time, resolution_time,
    grace_period, rate_multiplier, rate_addition, rates_status) VALUES
  ('PEAK', '44', 'United Kingdom', 0.03, 0, 1, 1, 0, 1, 0, '1'), ('PEAK', '4420', 'London', 0.025, 0, 60, 60, 0, 1, 0, '1'),
  ('BASE', '44', 'United Kingdom', 0.02, 0, 6, 6, 0, 1, 0, '1'), ('BASE', '447', 'UK mobile', 0.1, 0.05, 30, 6, 3, 1, 0, '1'),
  ('BASE', '225', 'Cote D''Ivoire', 0.123456, 0, 60, 1, 0, 1.5, 0.01, '1'), ('BASE', '1', 'USA', 0.01, 0, 10, 6, 0, 1, 0, '1'),
  ('BASE', '1900', 'Premium', 5, 0, 1, 1, 0, 1, 0, '0'), ('BASE', '86', '中国', 0.02, 0, 1, 60, 0, 1, 0, '1'),
  ('BASE', 'abc', 'Letters', 1, 0, 1, 1, 0, 1, 0, '1'),
  ('DIDS', '44', 'DID', 0.005, 0, 1, 1, 0, 1, 0, '1'),
  ('WHOLE', '44', 'United Kingdom', 0.015, 0, 1, 1, 0, 1, 0, '1'), ('WHOLE', '1', 'USA', 0.008, 0, 1, 1, 0, 1, 0, '1');
INSERT INTO customer_rates (ratecard_id, prefix, destination, rate, connection_charge, minimal_time, resolution_time)
  SELECT 'MANY', 44000 + seq, CONCAT('Area, "', seq, '"'), seq / 1000, 0, 60, 1 FROM seq_1_to_300;
INSERT INTO carrier_rates (ratecard_id, prefix, destination, rate, connection_charge, minimal_time, resolution_time) VALUES
  ('BUY', '44', 'United Kingdom', 0.01, 0, 1, 1), ('BUY', '1', 'USA', 0.005, 0, 1, 1);

INSERT INTO carrier VALUES (1, 'CAR1', 'Étoile', 'COST1', 1, 20, 100, 4, 5, 30, 'pid', 'G729,PCMA', 0, 'exclusive', 4),
  (2, 'CAR2', 'Zwei', 'COST2', 1, 10, NULL, 5, 50, 40, 'rpid', 'PCMA', 20, 'exclusive', 6);
INSERT INTO carrier_ips VALUES (1, 'CAR1', '198.51.100.7', 70, 1, '1', 'IP', NULL, NULL),
  (3, 'CAR1', '198.51.100.9', 30, 1, '0', 'IP', NULL, NULL),
  (4, 'CAR2', '192.0.2.1', 100, 1, '1', 'CUSTOMER', 'me', 'p4ss phrase'),
  (5, 'CAR1', '198.51.100.8:5070', 30, 1, '1', 'CUSTOMER', 'a@b', 'x');
INSERT INTO carrier_prefix (carrier_id, maching_string, remove_string, add_string, display_string, route) VALUES
  ('CAR1', '44%', '44', '0044%', '44|%=>0044%', 'OUTBOUND'), ('CAR1', '%', '', '00%', '%=>00%', 'OUTBOUND'),
  ('CAR1', '0%', '0', '44%', '0|%=>44%', 'INBOUND'), ('CAR2', '%', '', '%', '%=>%', 'OUTBOUND');
INSERT INTO carrier_callerid (carrier_id, maching_string, remove_string, add_string, display_string, route) VALUES
  ('CAR1', '%', '', '%', '%=>%', 'OUTBOUND'), ('CAR2', '%', '', '442070000000', '%=>442070000000', 'OUTBOUND');

INSERT INTO customer_dialpattern (account_id, maching_string, match_length, remove_string, add_string, display_string,
    action_type, route) VALUES
  ('STC1', '00%', NULL, '00', '%', '00|%=>%', '1', 'OUTBOUND'), ('STC1', '%', NULL, '', '%', '%=>%', '1', 'OUTBOUND'),
  ('STC1', '0%', 11, '0', '44%', '0|{11}%=>44%', '1', 'OUTBOUND'), ('STC1', '999', NULL, '', '442079460999', '999=>442079460999',
   '1', 'OUTBOUND'),
  ('STC2', '77%', NULL, '77', '%', '77|%=>%', '1', 'OUTBOUND'), ('STC2', '7790%', NULL, '', '%', '7790%', '0', 'OUTBOUND'),
  ('STR2', '44%', NULL, '44', '%', '44|%=>%', '1', 'OUTBOUND'), ('STC1', '44%', NULL, '44', '0%', '44|%=>0%', '1', 'INBOUND');
INSERT INTO customer_callerid (account_id, maching_string, match_length, remove_string, add_string, display_string,
    action_type, route) VALUES
  ('STC1', '44%', NULL, '', '%', '44%=>%', '1', 'OUTBOUND'), ('STC1', '%', NULL, '', '%', '%=>%', '1', 'INBOUND'),
  ('STC2', '%', NULL, '', '%', '%=>%', '1', 'OUTBOUND'), ('STC2', '0%', NULL, '0', '44%', '0|%=>44%', '1', 'OUTBOUND'),
  ('STC2', '44%', NULL, '', '441282777711', '44%=>441282777711', '1', 'DTSBASEDCLI'),
  ('STC2', '65%', NULL, '', '65%', '65%=>65%', '1', 'DTSBASEDCLI');

INSERT INTO dialplan VALUES (1, 'DP1', 'world', 'bbb,404,USER_BUSY'), (2, 'DP2', 'mobile', '');
INSERT INTO dialplan_prefix_list VALUES
  (1, 'DP1', '44', 1, '1', 'CAR1', 0, '00:00:00', 6, '23:59:59', 70), (2, 'DP1', '44', 1, '1', 'CAR2', 0, '00:00:00', 6, '23:59:59', 30),
  (3, 'DP1', '%', 1, '1', 'CAR2', 0, '08:00:00', 4, '17:59:59', 100), (4, 'DP1', '%', 2, '1', 'CAR1', 0, '00:00:00', 6, '24:00:00', 100),
  (5, 'DP1', '4420', 1, '1', 'CAR2', 5, '00:00:00', 6, '23:59:59', 100), (6, 'DP1', '900', 1, '0', 'CAR1', 0, '00:00:00', 6, '23:59:59', 100),
  (7, 'DP2', '44', 1, '1', 'CAR2', 0, '00:00:00', 6, '23:59:59', 100), (8, 'DP2', '4479', 1, '1', 'CAR1', 0, '00:00:00', 6, '23:59:59', 100),
  (9, 'DP2', '1', 1, '1', 'GONE', 0, '00:00:00', 6, '23:59:59', 100);
INSERT INTO customer_dialplan VALUES (1, 'STC1', 'DP1', '%', ''), (2, 'STC1', 'DP2', '447%', ''), (3, 'STC2', 'DP1', '%', '');
INSERT INTO reseller_dialplan VALUES (1, 'STR1', 'DP1'), (2, 'STR1', 'DP2'), (3, 'STR2', 'DP1'), (4, 'STR2', 'DP2');

INSERT INTO did VALUES (1, '442079460000', 'USED', 'CAR1', 'STC1', 5, 'London'),
  (2, '+35314378374', 'BLOCKED', NULL, 'STC2', 1, 'Dublin'), (3, '442000000001', 'NEW', 'CAR1', NULL, 1, NULL),
  (4, '442000000002', 'USED', 'CAR1', 'STC1', 1, NULL);
INSERT INTO did_dst VALUES (1, '442079460000', 'CUSTOMER', 'alice', 'PSTN', '447700900123'),
  (2, '+35314378374', 'IP', '203.0.113.9:5080', 'IP', NULL), (3, '442000000002', 'CUSTOMER', 'carol', 'IP', '');
INSERT INTO bundle_account VALUES (1, 'FREE500', 'STC1');
