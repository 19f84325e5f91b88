-- Calls to emergency numbers are told from others: 1, else NULL.

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'cdr' AND column_name = 'emergency'),
    'DO 0',
    'ALTER TABLE cdr ADD COLUMN emergency TINYINT NULL'
);

PREPARE change_cdr FROM @change;

EXECUTE change_cdr;

DEALLOCATE PREPARE change_cdr;
