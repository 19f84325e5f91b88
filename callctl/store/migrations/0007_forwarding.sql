-- What callees have said by service codes: where their calls go instead, and that they are not to be disturbed. It wins
-- over what is configured; a number that is empty takes that back.

CREATE TABLE IF NOT EXISTS forwarding (
    endpoint VARCHAR(320) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,     -- user@domain
    word     ENUM ('always', 'busy', 'no_answer', 'not_registered', 'dnd') NOT NULL,
    number   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,      -- of dnd, any: not to be disturbed
    said_at  DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (endpoint, word)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
