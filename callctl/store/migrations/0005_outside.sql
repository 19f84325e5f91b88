-- What lies outside: number rules, currencies, carriers, routes, DIDs. Each entry is kept as it was applied, and read
-- into memory with all else that is configured.

CREATE TABLE IF NOT EXISTS config_item (
    name       VARCHAR(90) NOT NULL PRIMARY KEY,     -- what it is, a stroke, its name: carrier/c1
    body       JSON        NOT NULL,
    changed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
