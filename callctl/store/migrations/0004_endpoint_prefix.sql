-- Trunks of several accounts may share an address, told apart by what they dial in front of the number. MySQL has no
-- IF NOT EXISTS for columns and keys; the primary key, prefix@address, is what is unique.

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'endpoint' AND column_name = 'prefix'),
    'DO 0',
    'ALTER TABLE endpoint ADD COLUMN prefix VARCHAR(20) NOT NULL DEFAULT '''' AFTER address'
);

PREPARE change_endpoint FROM @change;

EXECUTE change_endpoint;

DEALLOCATE PREPARE change_endpoint;

SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'endpoint' AND index_name = 'address'),
    'ALTER TABLE endpoint DROP KEY address',
    'DO 0'
);

PREPARE change_endpoint FROM @change;

EXECUTE change_endpoint;

DEALLOCATE PREPARE change_endpoint;
