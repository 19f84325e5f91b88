-- The number that was called outside, in international form, NULL of emergency calls; and a key that has all by which
-- carriers are judged, so that no row is read for that.

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'cdr_leg' AND column_name = 'number'),
    'DO 0',
    'ALTER TABLE cdr_leg ADD COLUMN number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL'
);

PREPARE change_leg FROM @change;

EXECUTE change_leg;

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'cdr_leg' AND index_name = 'quality'),
    'DO 0',
    'ALTER TABLE cdr_leg ADD KEY quality (carrier, started_at, number, dialed_at, ringing_at, answered_at, ended_at,
                                          hangup_cause)'
);

PREPARE change_leg FROM @change;

EXECUTE change_leg;

DEALLOCATE PREPARE change_leg;
