CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;

CREATE FUNCTION journal_is_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW."offset" <> (SELECT COALESCE(MAX("offset"), -1) + 1 FROM journal) THEN
        RAISE EXCEPTION 'the journal is append-only: its next offset and a new uuid';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER journal_change BEFORE UPDATE OR DELETE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER journal_truncate BEFORE TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER journal_insert BEFORE INSERT ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_gapless();
