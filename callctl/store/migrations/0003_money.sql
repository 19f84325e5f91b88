-- What calls have cost, and who has paid. An account's balance is the sum of its ledger; `account_balance` is that sum,
-- kept by the transaction that adds the entry, which holds the account's row while it does.

CREATE TABLE IF NOT EXISTS account_balance (
    account   VARCHAR(64)     NOT NULL PRIMARY KEY,
    balance   DECIMAL(18, 6)  NOT NULL DEFAULT 0,
    ledger_id BIGINT UNSIGNED NOT NULL DEFAULT 0     -- the last entry it contains
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ledger (
    id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    account       VARCHAR(64)     NOT NULL,
    at            DATETIME(6)     NOT NULL,
    kind          ENUM ('call', 'topup', 'adjust', 'refund', 'fee') NOT NULL,
    amount        DECIMAL(18, 6)  NOT NULL,          -- what it adds; a call's is negative
    balance_after DECIMAL(18, 6)  NOT NULL,
    currency      CHAR(3)         NOT NULL,
    reference     VARCHAR(190)    NOT NULL,          -- of a call: call:UUID:ACCOUNT, of its correction call:UUID:ACCOUNT:2
    note          VARCHAR(255)    NOT NULL DEFAULT '',
    call_uuid     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    started_at    DATETIME(6)     NULL,              -- the call's
    UNIQUE KEY reference (reference),
    KEY account (account, id),
    KEY account_at (account, at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What a call cost each account that pays or is paid for it: what `amount` and `tax` are of (`amount` contains `tax`).
CREATE TABLE IF NOT EXISTS cdr_charge (
    call_uuid      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account        VARCHAR(64)          NOT NULL,
    side           ENUM ('sell', 'buy') NOT NULL,
    started_at     DATETIME(6)          NOT NULL,
    tariff         VARCHAR(64)          NOT NULL,
    prefix         VARCHAR(32)          NOT NULL,
    destination    VARCHAR(128)         NOT NULL,
    billed_seconds INT UNSIGNED         NOT NULL,
    amount         DECIMAL(18, 6)       NOT NULL,
    tax            DECIMAL(18, 6)       NOT NULL,
    currency       CHAR(3)              NOT NULL,
    PRIMARY KEY (call_uuid, account, side, started_at),
    KEY account (account, started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (TO_DAYS(started_at)) (PARTITION later VALUES LESS THAN MAXVALUE);

-- Calls that were answered wait in `unsettled`, from the transaction that books them on, for their number. `settled`
-- gives it, in one statement at a time after that was committed: so no number ever appears behind one that could be read
-- before. A call that is booked anew is numbered anew; the last number counts. The newest row stays, whatever is dropped:
-- the next number follows from it.
CREATE TABLE IF NOT EXISTS unsettled (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    call_uuid  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    started_at DATETIME(6)     NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS settled (
    settled_seq BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    id          BIGINT UNSIGNED NOT NULL,            -- that it had in `unsettled`
    call_uuid   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    started_at  DATETIME(6)     NOT NULL,
    UNIQUE KEY call_uuid (call_uuid, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Which end of a call its charges are of, once they are booked; NULL for calls that were not answered.
SET @change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
            WHERE table_schema = DATABASE() AND table_name = 'cdr' AND column_name = 'booked'),
    'DO 0',
    'ALTER TABLE cdr ADD COLUMN booked ENUM (''unheard'', ''heard'') NULL'
);

PREPARE change_cdr FROM @change;

EXECUTE change_cdr;

DEALLOCATE PREPARE change_cdr;

-- An account is blocked while a row of its has no `released_at`.
CREATE TABLE IF NOT EXISTS account_hold (
    reference   VARCHAR(128) NOT NULL PRIMARY KEY,
    account     VARCHAR(64)  NOT NULL,
    held_at     DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    released_at DATETIME(6)  NULL,
    note        VARCHAR(255) NOT NULL DEFAULT '',
    KEY account (account)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
