-- In whose service a request is asked. Whoever asked before nobody could say so stays without.

ALTER TABLE requests ADD COLUMN parent_uuid VARCHAR(36);

CREATE INDEX requests_parent ON requests (parent_uuid, "offset");
