-- What is configured. Names compare byte by byte (utf8mb4_bin); `callctl apply` writes them as they shall be read.
-- NULL stands for "has none" where a value must be unique.

CREATE TABLE IF NOT EXISTS account (
    name         VARCHAR(64)  NOT NULL PRIMARY KEY,
    active       BOOLEAN      NOT NULL DEFAULT TRUE,
    codecs       VARCHAR(255) NOT NULL DEFAULT '',   -- separated by commas; empty: the platform's
    codec_check  BOOLEAN      NOT NULL DEFAULT TRUE,
    max_duration INT UNSIGNED NULL,                  -- seconds; NULL: the platform's
    body         JSON         NULL,                  -- the entry as it was applied
    changed_at   DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS endpoint (
    name       VARCHAR(320) NOT NULL PRIMARY KEY,    -- user@domain, or the address
    account    VARCHAR(64)  NOT NULL,
    `user`     VARCHAR(64)  NULL,
    domain     VARCHAR(255) NULL,
    extension  VARCHAR(32)  NULL,
    caller_id  VARCHAR(64)  NOT NULL DEFAULT '',
    address    VARCHAR(64)  NULL,                    -- a network, for trunks
    codecs     VARCHAR(255) NOT NULL DEFAULT '',     -- separated by commas; empty: the account's
    body       JSON         NULL,
    changed_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    UNIQUE KEY aor (`user`, domain),
    UNIQUE KEY extension (account, extension),
    UNIQUE KEY address (address)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row; every apply adds one to `version`, so that controllers see that there is something new to read.
CREATE TABLE IF NOT EXISTS config_version (
    id         TINYINT         NOT NULL PRIMARY KEY,
    version    BIGINT UNSIGNED NOT NULL,
    changed_at DATETIME(6)     NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT INTO config_version (id, version) VALUES (1, 0) ON DUPLICATE KEY UPDATE id = id;

-- What happened. In each table `started_at` is the start of the call (of its A-leg): it names the day's partition. Rows
-- fall into `later` until the writer has made the day's own.

CREATE TABLE IF NOT EXISTS cdr (
    seq             BIGINT UNSIGNED   NOT NULL AUTO_INCREMENT,
    call_uuid       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    started_at      DATETIME(6)       NOT NULL,
    state           ENUM ('routed', 'answered', 'final') NOT NULL,
    kind            VARCHAR(16)       NULL,          -- onnet, pstn, did, conference, service
    node            VARCHAR(64)       NULL,
    controller      VARCHAR(64)       NULL,
    account         VARCHAR(64)       NULL,
    endpoint        VARCHAR(320)      NULL,
    caller          VARCHAR(128)      NULL,
    called          VARCHAR(128)      NULL,
    called_original VARCHAR(255)      NULL,
    answered_at     DATETIME(6)       NULL,
    ended_at        DATETIME(6)       NULL,
    ring_ms         INT UNSIGNED      NULL,
    duration_ms     BIGINT UNSIGNED   NULL,
    billed_seconds  INT UNSIGNED      NULL,
    currency        CHAR(3)           NULL,
    price           DECIMAL(18, 6)    NULL,
    tax             DECIMAL(18, 6)    NULL,
    cost            DECIMAL(18, 6)    NULL,
    tariff          VARCHAR(64)       NULL,
    prefix          VARCHAR(32)       NULL,
    destination     VARCHAR(128)      NULL,
    carrier         VARCHAR(64)       NULL,
    attempts        SMALLINT UNSIGNED NULL,
    codec_in        VARCHAR(32)       NULL,
    codec_out       VARCHAR(32)       NULL,
    sip_status      SMALLINT UNSIGNED NULL,
    q850            SMALLINT UNSIGNED NULL,
    hangup_cause    VARCHAR(64)       NULL,
    hangup_by       VARCHAR(12)       NULL,          -- caller, callee, controller, switch
    reason          VARCHAR(64)       NULL,
    trace           JSON              NULL,
    source_ip       VARCHAR(45)       NULL,
    sip_call_id     VARCHAR(255)      NULL,
    PRIMARY KEY (call_uuid, started_at),
    KEY seq (seq),
    KEY account (account, started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (TO_DAYS(started_at)) (PARTITION later VALUES LESS THAN MAXVALUE);

CREATE TABLE IF NOT EXISTS cdr_leg (
    call_uuid    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    leg_uuid     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    started_at   DATETIME(6)       NOT NULL,
    leg          SMALLINT UNSIGNED NULL,             -- 1 is the first attempt
    target       VARCHAR(320)      NULL,
    carrier      VARCHAR(64)       NULL,
    gateway      VARCHAR(128)      NULL,
    dialed_at    DATETIME(6)       NULL,
    ringing_at   DATETIME(6)       NULL,
    answered_at  DATETIME(6)       NULL,
    ended_at     DATETIME(6)       NULL,
    sip_status   SMALLINT UNSIGNED NULL,
    hangup_cause VARCHAR(64)       NULL,
    cost         DECIMAL(18, 6)    NULL,
    PRIMARY KEY (call_uuid, leg_uuid, started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (TO_DAYS(started_at)) (PARTITION later VALUES LESS THAN MAXVALUE);

-- `seq` is the switch's Event-Sequence: an event heard twice has the same.
CREATE TABLE IF NOT EXISTS call_event (
    call_uuid  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    seq        BIGINT UNSIGNED NOT NULL,
    started_at DATETIME(6)     NOT NULL,
    at         DATETIME(6)     NOT NULL,
    event      VARCHAR(64)     NOT NULL,
    data       JSON            NULL,
    PRIMARY KEY (call_uuid, seq, started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
PARTITION BY RANGE (TO_DAYS(started_at)) (PARTITION later VALUES LESS THAN MAXVALUE);
