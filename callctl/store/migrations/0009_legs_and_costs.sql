-- An account may pay for several legs of a call: each has a charge, counted from 0 by `part`. What a carrier costs for a
-- call is a charge of side 'buy'; the ledger has none of those.

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'cdr_charge' AND column_name = 'part'),
    'DO 0',
    'ALTER TABLE cdr_charge ADD COLUMN part TINYINT UNSIGNED NOT NULL DEFAULT 0 AFTER side,
     DROP PRIMARY KEY, ADD PRIMARY KEY (call_uuid, account, side, part, started_at)'
);

PREPARE change_charge FROM @change;

EXECUTE change_charge;

DEALLOCATE PREPARE change_charge;

-- `cost` is in the currency of the call, as `price` is; where nobody pays for it, in the carrier's.
CREATE OR REPLACE VIEW v_billable_call AS
SELECT s.settled_seq, c.call_uuid, c.account, c.endpoint, c.kind, c.started_at, c.answered_at, c.ended_at, c.caller,
       c.called, c.called_original, c.tariff, c.prefix, c.destination, c.duration_ms, c.billed_seconds, c.price, c.tax,
       c.price + c.tax AS amount, c.currency, c.cost, c.price - c.cost AS margin, c.carrier, c.node, c.hangup_cause,
       c.hangup_by, c.reason
FROM settled s
JOIN cdr c ON c.call_uuid = s.call_uuid AND c.started_at = s.started_at
WHERE NOT EXISTS (SELECT 1 FROM settled later WHERE later.call_uuid = s.call_uuid AND later.id > s.id);

-- An account is charged once a leg, and calls are counted once.
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
    SELECT account, DATE(started_at), currency, 0, 0, 0, SUM(part = 0), SUM(billed_seconds), SUM(amount), SUM(tax)
    FROM cdr_charge
    WHERE side = 'sell'
    GROUP BY account, DATE(started_at), currency
) of_day
GROUP BY account, day, currency;

-- Attempts by way of a carrier, by the day their call began, and what the answered ones cost by its own tariff.
CREATE OR REPLACE VIEW v_carrier_day AS
SELECT carrier, day, SUM(attempts) AS attempts, SUM(answered) AS answered,
       ROUND(100 * SUM(answered) / NULLIF(SUM(attempts), 0), 2) AS asr, SUM(microseconds) DIV 1000000 AS seconds,
       ROUND(SUM(microseconds) / 1000000 / NULLIF(SUM(answered), 0), 1) AS acd, SUM(billed_seconds) AS billed_seconds,
       SUM(cost) AS cost, MAX(currency) AS currency
FROM (
    SELECT carrier, DATE(started_at) AS day, COUNT(*) AS attempts, SUM(answered_at IS NOT NULL) AS answered,
           COALESCE(SUM(TIMESTAMPDIFF(MICROSECOND, answered_at, ended_at)), 0) AS microseconds,
           0 AS billed_seconds, NULL AS cost, NULL AS currency
    FROM cdr_leg
    WHERE carrier IS NOT NULL AND ended_at IS NOT NULL
    GROUP BY carrier, DATE(started_at)
    UNION ALL
    SELECT account, DATE(started_at), 0, 0, 0, SUM(billed_seconds), SUM(amount - tax), MAX(currency)
    FROM cdr_charge
    WHERE side = 'buy'
    GROUP BY account, DATE(started_at)
) of_day
GROUP BY carrier, day;
