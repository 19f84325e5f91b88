-- What billing jobs and reports read. Days are UTC. Each view is made whole again, so this may run twice.

-- A row a call that was answered, in the order of `settled_seq`. Amounts are those of the nearest level that pays; what
-- every level pays is in `cdr_charge`. A call that is booked anew has its last number only.
CREATE OR REPLACE VIEW v_billable_call AS
SELECT s.settled_seq, c.call_uuid, c.account, c.endpoint, c.kind, c.started_at, c.answered_at, c.ended_at, c.caller,
       c.called, c.called_original, c.tariff, c.prefix, c.destination, c.duration_ms, c.billed_seconds, c.price, c.tax,
       c.price + c.tax AS amount, c.currency, c.cost, c.carrier, c.node, c.hangup_cause, c.hangup_by, c.reason
FROM settled s
JOIN cdr c ON c.call_uuid = s.call_uuid AND c.started_at = s.started_at
WHERE NOT EXISTS (SELECT 1 FROM settled later WHERE later.call_uuid = s.call_uuid AND later.id > s.id);

-- Calls of an account by the day they began: how many, how many were answered (`asr`, percent), how long those lasted
-- (`seconds`, `acd` a call), and what the account paid for its own calls and for those of the accounts below it. Calls
-- that cost nothing have the currency of the account's tariff, or none ('').
CREATE OR REPLACE VIEW v_account_day AS
SELECT account, day, currency, SUM(calls) AS calls, SUM(answered) AS answered,
       ROUND(100 * SUM(answered) / NULLIF(SUM(calls), 0), 2) AS asr, SUM(milliseconds) DIV 1000 AS seconds,
       ROUND(SUM(milliseconds) / 1000 / NULLIF(SUM(answered), 0), 1) AS acd, SUM(charged_calls) AS charged_calls,
       SUM(billed_seconds) AS billed_seconds, SUM(amount) - SUM(tax) AS price, SUM(tax) AS tax, SUM(amount) AS amount
FROM (
    SELECT c.account, DATE(c.started_at) AS day, COALESCE(c.currency, t.currency, '') AS currency, COUNT(*) AS calls,
           SUM(c.answered_at IS NOT NULL) AS answered, COALESCE(SUM(c.duration_ms), 0) AS milliseconds,
           0 AS charged_calls, 0 AS billed_seconds, 0 AS amount, 0 AS tax
    FROM cdr c
    LEFT JOIN account a ON a.name = c.account
    LEFT JOIN tariff t ON t.name = a.tariff
    WHERE c.state = 'final' AND c.account IS NOT NULL
    GROUP BY c.account, DATE(c.started_at), COALESCE(c.currency, t.currency, '')
    UNION ALL
    SELECT account, DATE(started_at), currency, 0, 0, 0, COUNT(*), SUM(billed_seconds), SUM(amount), SUM(tax)
    FROM cdr_charge
    WHERE side = 'sell'
    GROUP BY account, DATE(started_at), currency
) of_day
GROUP BY account, day, currency;

-- Attempts by way of a carrier, by the day their call began.
CREATE OR REPLACE VIEW v_carrier_day AS
SELECT carrier, DATE(started_at) AS day, COUNT(*) AS attempts, SUM(answered_at IS NOT NULL) AS answered,
       ROUND(100 * SUM(answered_at IS NOT NULL) / COUNT(*), 2) AS asr,
       COALESCE(SUM(TIMESTAMPDIFF(MICROSECOND, answered_at, ended_at)), 0) DIV 1000000 AS seconds,
       ROUND(SUM(TIMESTAMPDIFF(MICROSECOND, answered_at, ended_at)) / 1000000 / NULLIF(SUM(answered_at IS NOT NULL), 0), 1)
           AS acd,
       SUM(cost) AS cost
FROM cdr_leg
WHERE carrier IS NOT NULL AND ended_at IS NOT NULL
GROUP BY carrier, DATE(started_at);

-- Calls of the last two days that have not ended, as far as records have come to MySQL; `callctl calls` asks Redis.
CREATE OR REPLACE VIEW v_live AS
SELECT call_uuid, started_at, state, kind, node, account, endpoint, caller, called, answered_at,
       TIMESTAMPDIFF(SECOND, answered_at, UTC_TIMESTAMP(6)) AS seconds
FROM cdr
WHERE state <> 'final' AND started_at >= UTC_TIMESTAMP(6) - INTERVAL 2 DAY;

-- One row once records were dropped: the first day that is still here.
CREATE TABLE IF NOT EXISTS kept_since (
    id  TINYINT NOT NULL PRIMARY KEY,
    day DATE    NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
