CREATE TRIGGER journal_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER journal_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- INSERT OR REPLACE deletes without the trigger above; gapless offsets and new uuids only.

CREATE TRIGGER journal_insert BEFORE INSERT ON journal
WHEN NEW."offset" <> (SELECT COALESCE(MAX("offset"), -1) + 1 FROM journal)
    OR EXISTS (SELECT 1 FROM journal WHERE uuid = NEW.uuid)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its next offset and a new uuid'); END;
