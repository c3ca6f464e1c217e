-- The owner, too, loses the right: it would have to grant it to itself again.

REVOKE UPDATE, DELETE, TRUNCATE ON journal FROM PUBLIC;

REVOKE UPDATE, DELETE, TRUNCATE ON journal FROM CURRENT_USER;

-- Also where a session says that it replays a replica, which silences other triggers.

ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_change;

ALTER TABLE journal ENABLE ALWAYS TRIGGER journal_truncate;
