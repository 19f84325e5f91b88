-- What calls by way of carriers brought, by the account that made them and the day they began; without tax, in the
-- currency of their record. Those that nobody pays for, and those of which nobody can say what they cost, are counted
-- only, in `not_known`.
CREATE OR REPLACE VIEW v_margin_day AS
SELECT account, DATE(started_at) AS day, currency, COUNT(*) AS calls, SUM(price IS NULL OR cost IS NULL) AS not_known,
       SUM(IF(cost IS NULL, NULL, price)) AS price, SUM(IF(price IS NULL, NULL, cost)) AS cost,
       SUM(price - cost) AS margin
FROM cdr
WHERE state = 'final' AND carrier IS NOT NULL AND answered_at IS NOT NULL AND account IS NOT NULL
GROUP BY account, DATE(started_at), currency;
