-- The journal, version 1. Money rules that a table can hold are held here and not only in the program.
-- A change of this file needs a numbered migration (migrations.py); a test shows that both ways lead to the same schema.

-- Facts about the whole file: the key of keyed digests, and notes of the engine. ``hash`` covers name and value.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The projection of a sale: a cache for queries and constraints, written with its events. ``events`` counts them, ``hash`` covers the row.
CREATE TABLE sale (
    id                  INTEGER PRIMARY KEY,
    store_id            TEXT NOT NULL CHECK (length(store_id) BETWEEN 1 AND 256),
    terminal_id         TEXT NOT NULL CHECK (length(terminal_id) BETWEEN 1 AND 256),
    key                 TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 256),
    order_id            TEXT NOT NULL,
    amount              INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 9999999999),
    currency            TEXT NOT NULL CHECK (currency <> ''),
    provider            TEXT NOT NULL CHECK (provider <> ''),
    environment         TEXT NOT NULL CHECK (environment IN ('test', 'production')),
    account             TEXT NOT NULL,
    business_date       TEXT NOT NULL CHECK (business_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    state               TEXT NOT NULL CHECK (state <> ''),
    money               TEXT NOT NULL CHECK (money <> ''),
    finished            INTEGER NOT NULL CHECK (finished IN (0, 1)),
    open                INTEGER NOT NULL CHECK (open IN (0, 1)),
    paid_unreturned     INTEGER NOT NULL CHECK (paid_unreturned IN (0, 1)),
    split               INTEGER NOT NULL CHECK (split IN (0, 1)),
    told                INTEGER NOT NULL CHECK (told IN (0, 1)),
    confirmed           INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    owes                INTEGER NOT NULL CHECK (owes IN (0, 1)),
    accepted_at         TEXT NOT NULL,
    updated_at          TEXT NOT NULL,
    reason              TEXT,
    told_at             TEXT,
    transaction_id      TEXT,
    payment_type        TEXT,
    qrc_id              TEXT,
    kzo                 TEXT,
    operation_id        TEXT,
    operation_date_time TEXT,
    refunded_amount     INTEGER NOT NULL CHECK (refunded_amount BETWEEN 0 AND amount),
    attention           INTEGER NOT NULL CHECK (attention IN (0, 1)),
    alarms              TEXT NOT NULL,
    request_id          TEXT,
    events              INTEGER NOT NULL CHECK (events >= 1),
    hash                BLOB NOT NULL CHECK (length(hash) = 32),
    UNIQUE (store_id, terminal_id, key),
    CHECK (finished = 1 OR open = 1)
) STRICT;

-- Money rule 7: no second charge. Sales that say they are part of a split payment are free of it.
CREATE UNIQUE INDEX sale_one_open ON sale (store_id, order_id) WHERE open = 1 AND split = 0;
CREATE UNIQUE INDEX sale_one_paid ON sale (store_id, order_id, business_date) WHERE paid_unreturned = 1 AND split = 0;

CREATE INDEX sale_order_id ON sale (order_id);
CREATE INDEX sale_business_date ON sale (business_date);
CREATE INDEX sale_state ON sale (state);
CREATE INDEX sale_amount ON sale (amount);
CREATE INDEX sale_transaction_id ON sale (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX sale_request_id ON sale (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX sale_qrc_id ON sale (qrc_id) WHERE qrc_id IS NOT NULL;
CREATE INDEX sale_kzo ON sale (kzo) WHERE kzo IS NOT NULL;
CREATE INDEX sale_owes ON sale (owes) WHERE owes = 1;
CREATE INDEX sale_unconfirmed ON sale (confirmed) WHERE told = 1 AND confirmed = 0;
CREATE INDEX sale_untold ON sale (state) WHERE told = 0 AND finished = 1;
CREATE INDEX sale_attention ON sale (attention) WHERE attention = 1;

CREATE TRIGGER sale_keeps_its_name BEFORE UPDATE OF id, store_id, terminal_id, key ON sale
BEGIN
    SELECT RAISE(ABORT, 'a sale keeps its name');
END;
CREATE TRIGGER sale_is_kept BEFORE DELETE ON sale
BEGIN
    SELECT RAISE(ABORT, 'a sale is never deleted');
END;

-- The record: events of all sales, numbered without gaps. ``hash`` covers the event and the hash of the event before it.
CREATE TABLE event (
    number   INTEGER PRIMARY KEY,
    sale     INTEGER NOT NULL REFERENCES sale (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    kind     TEXT NOT NULL CHECK (kind <> ''),
    wall     TEXT NOT NULL,
    boot     TEXT NOT NULL,
    ticks    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    UNIQUE (sale, position)
) STRICT;

-- Refunds belong to the day on which they were made, not to that of their sale.
CREATE INDEX event_refunded ON event (wall) WHERE kind IN ('refunded', 'resolved');

CREATE TRIGGER event_in_order BEFORE INSERT ON event
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM event)
    OR NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM event WHERE sale = NEW.sale)
BEGIN
    SELECT RAISE(ABORT, 'an event out of order');
END;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event is never deleted');
END;

-- Places up to which the chain was whole: start verifies from the last one. ``hash`` covers the other columns.
CREATE TABLE anchor (
    number     INTEGER PRIMARY KEY REFERENCES event (number),
    event_hash BLOB NOT NULL CHECK (length(event_hash) = 32),
    at         TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER anchor_is_never_changed BEFORE UPDATE ON anchor
BEGIN
    SELECT RAISE(ABORT, 'an anchor is never changed');
END;
CREATE TRIGGER anchor_is_kept BEFORE DELETE ON anchor
BEGIN
    SELECT RAISE(ABORT, 'an anchor is never deleted');
END;

-- Which blocks of the vault hold a secret, in order. Never the secret itself: rows of this table move, and what moves leaves copies.
CREATE TABLE secret (
    sale INTEGER NOT NULL REFERENCES sale (id),
    name TEXT NOT NULL CHECK (name <> ''),
    part INTEGER NOT NULL CHECK (part >= 0),
    size INTEGER NOT NULL CHECK (size BETWEEN 1 AND 1024),
    slot INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (sale, name, part)
) STRICT, WITHOUT ROWID;

-- Blocks of one size that never move and are overwritten where they lie: what is erased here is gone.
CREATE TABLE vault (
    slot    INTEGER PRIMARY KEY,
    taken   INTEGER NOT NULL CHECK (taken IN (0, 1)),
    content BLOB NOT NULL CHECK (length(content) = 1024)
) STRICT;

CREATE INDEX vault_free ON vault (slot) WHERE taken = 0;

CREATE TRIGGER vault_block_is_kept BEFORE DELETE ON vault
BEGIN
    SELECT RAISE(ABORT, 'a block of the vault is overwritten, never deleted');
END;

-- Sales whose record cannot be used. Without a reference to ``sale``: that row may be what is damaged. ``hash`` covers the row.
-- ``released``: by whom and why an operator took over what the sale may still owe.
CREATE TABLE parked (
    store_id    TEXT NOT NULL,
    terminal_id TEXT NOT NULL,
    key         TEXT NOT NULL,
    reason      TEXT NOT NULL,
    at          TEXT NOT NULL,
    released    TEXT,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (store_id, terminal_id, key)
) STRICT;

-- Proven messages of payment systems that name no sale we know yet (money rule 11). They decide nothing, and are gone after a day.
-- ``hash`` covers the row.
CREATE TABLE hint (
    number         INTEGER PRIMARY KEY,
    provider       TEXT NOT NULL CHECK (provider <> ''),
    at             TEXT NOT NULL,
    transaction_id TEXT,
    reference      TEXT,
    order_id       TEXT,
    store_id       TEXT,
    terminal_id    TEXT,
    amount         INTEGER,
    hash           BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
