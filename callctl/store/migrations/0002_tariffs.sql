-- What calls cost. `generation` names the set of rates that is in force: rates are replaced by writing a whole new set
-- and then changing this one number, so that a reader sees the old set or the new one, never a mix.

CREATE TABLE IF NOT EXISTS tariff (
    name       VARCHAR(64)  NOT NULL PRIMARY KEY,
    currency   CHAR(3)      NOT NULL,
    generation INT UNSIGNED NOT NULL,
    rates      INT UNSIGNED NOT NULL,                -- how many the generation has
    body       JSON         NOT NULL,                -- the entry as it was applied; of its rates how many, and a mark
    changed_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Gives every set of rates a number of its own, greater than those before it, also when two are written at once.
CREATE TABLE IF NOT EXISTS tariff_generation (
    id         INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tariff     VARCHAR(64)  NOT NULL,
    started_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The prefix stands in the key before the id: the rates of a number are found in it, and no second index is written.
CREATE TABLE IF NOT EXISTS tariff_rate (
    tariff      VARCHAR(64)        NOT NULL,
    generation  INT UNSIGNED       NOT NULL,
    id          INT UNSIGNED       NOT NULL,         -- its line in the CSV file, or its place in the list
    prefix      VARCHAR(20)        NOT NULL,
    destination VARCHAR(100)       NOT NULL,
    weight      SMALLINT           NOT NULL,
    connect_fee DECIMAL(30, 10)    NOT NULL,
    price       DECIMAL(30, 10)    NOT NULL,         -- of `per` seconds
    per         MEDIUMINT UNSIGNED NOT NULL,
    `increment` MEDIUMINT UNSIGNED NOT NULL,         -- seconds, each one behind the first
    minimum     MEDIUMINT UNSIGNED NOT NULL,         -- seconds, the first increment
    grace       MEDIUMINT UNSIGNED NOT NULL,         -- seconds
    free        MEDIUMINT UNSIGNED NOT NULL,         -- seconds
    effective   DATETIME(6)        NULL,
    expires     DATETIME(6)        NULL,
    body        JSON               NULL,             -- what no column holds: steps, days and time of day, maximum cost
    PRIMARY KEY (tariff, generation, prefix, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- MySQL has no ADD COLUMN IF NOT EXISTS.
SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'account' AND column_name = 'tariff'),
    'DO 0',
    'ALTER TABLE account ADD COLUMN tariff VARCHAR(64) NULL AFTER max_duration'
);

PREPARE change_account FROM @change;

EXECUTE change_account;

DEALLOCATE PREPARE change_account;
