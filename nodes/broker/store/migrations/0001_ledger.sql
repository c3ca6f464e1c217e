-- The journal is the truth. Everything below it is a projection, rebuilt from it at will.

CREATE TABLE journal (
    "offset" {bigint_key} PRIMARY KEY,
    uuid VARCHAR(36) NOT NULL UNIQUE,
    kind VARCHAR(16) NOT NULL,
    stamp BIGINT NOT NULL,
    load_time BIGINT NOT NULL,
    author VARCHAR(81) NOT NULL,
    type VARCHAR(256) NOT NULL,
    schema VARCHAR(256) NOT NULL,
    body {bytes} NOT NULL,
    body_hash {bytes} NOT NULL,
    prev_hash {bytes} NOT NULL,
    hash {bytes} NOT NULL
);

-- Not a projection: how far the journal has been published. The journal cannot tell.

CREATE TABLE forwarded (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    "offset" BIGINT NOT NULL
);

INSERT INTO forwarded (one, "offset") VALUES (1, -1);

CREATE TABLE tenants (
    uuid VARCHAR(36) PRIMARY KEY,
    name VARCHAR(81) NOT NULL UNIQUE,
    load_time BIGINT NOT NULL
);

CREATE TABLE quantities (
    uuid VARCHAR(36) PRIMARY KEY,
    quantity VARCHAR(40) NOT NULL,
    method VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    specifications TEXT NOT NULL,
    result_output TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    "offset" BIGINT NOT NULL,
    load_time BIGINT NOT NULL,
    UNIQUE (quantity, method)
);

CREATE TABLE requests (
    uuid VARCHAR(36) PRIMARY KEY,
    "offset" BIGINT NOT NULL UNIQUE,
    quantity VARCHAR(40) NOT NULL,
    method VARCHAR(40) NOT NULL,
    parameters TEXT NOT NULL,
    requesting_tenant_uuid VARCHAR(36) NOT NULL REFERENCES tenants (uuid),
    requesting_received_timestamp BIGINT NOT NULL,
    campaign VARCHAR(80),
    priority INTEGER NOT NULL,
    expires BIGINT,
    attempts INTEGER NOT NULL,
    sample VARCHAR(80),
    sample_state BIGINT,
    status VARCHAR(12) NOT NULL,
    status_change_message TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    worker VARCHAR(81),
    token BIGINT,
    result_uuid VARCHAR(36),
    load_time BIGINT NOT NULL
);

CREATE INDEX requests_status ON requests (status, "offset");

CREATE INDEX requests_quantity ON requests (quantity, method, "offset");

CREATE INDEX requests_campaign ON requests (campaign, "offset");

CREATE INDEX requests_tenant ON requests (requesting_tenant_uuid, "offset");

CREATE TABLE results (
    uuid VARCHAR(36) PRIMARY KEY,
    "offset" BIGINT NOT NULL UNIQUE,
    request_uuid VARCHAR(36) REFERENCES requests (uuid),
    quantity VARCHAR(40) NOT NULL,
    method VARCHAR(40) NOT NULL,
    parameters TEXT NOT NULL,
    data TEXT NOT NULL,
    posting_tenant_uuid VARCHAR(36) NOT NULL REFERENCES tenants (uuid),
    posting_received_timestamp BIGINT NOT NULL,
    campaign VARCHAR(80),
    outcome VARCHAR(12) NOT NULL,
    success BOOLEAN,
    rating INTEGER,
    status VARCHAR(12) NOT NULL,
    status_change_message TEXT NOT NULL,
    load_time BIGINT NOT NULL
);

CREATE INDEX results_request ON results (request_uuid, "offset");

CREATE INDEX results_quantity ON results (quantity, method, "offset");

CREATE INDEX results_campaign ON results (campaign, "offset");

CREATE INDEX results_tenant ON results (posting_tenant_uuid, "offset");

CREATE TABLE link_quantity_request (
    link_uuid VARCHAR(36) PRIMARY KEY,
    method_uuid VARCHAR(36) NOT NULL REFERENCES quantities (uuid),
    request_uuid VARCHAR(36) NOT NULL REFERENCES requests (uuid),
    load_time BIGINT NOT NULL
);

CREATE TABLE link_quantity_result (
    link_uuid VARCHAR(36) PRIMARY KEY,
    method_uuid VARCHAR(36) NOT NULL REFERENCES quantities (uuid),
    result_uuid VARCHAR(36) NOT NULL REFERENCES results (uuid),
    load_time BIGINT NOT NULL
);

CREATE TABLE status_log_request (
    "offset" {bigint_key} PRIMARY KEY,
    request_uuid VARCHAR(36) NOT NULL REFERENCES requests (uuid),
    status VARCHAR(12) NOT NULL,
    status_change_message TEXT NOT NULL,
    load_time BIGINT NOT NULL
);

CREATE INDEX status_log_request_request ON status_log_request (request_uuid, "offset");

CREATE TABLE status_log_result (
    "offset" {bigint_key} PRIMARY KEY,
    result_uuid VARCHAR(36) NOT NULL REFERENCES results (uuid),
    status VARCHAR(12) NOT NULL,
    status_change_message TEXT NOT NULL,
    load_time BIGINT NOT NULL
);

CREATE INDEX status_log_result_result ON status_log_result (result_uuid, "offset");

CREATE TABLE samples (
    sample VARCHAR(80) PRIMARY KEY,
    kind VARCHAR(40) NOT NULL,
    state BIGINT NOT NULL,
    label VARCHAR(40) NOT NULL,
    location TEXT NOT NULL,
    "offset" BIGINT NOT NULL,
    load_time BIGINT NOT NULL
);

CREATE TABLE sample_states (
    sample VARCHAR(80) NOT NULL REFERENCES samples (sample),
    state BIGINT NOT NULL,
    label VARCHAR(40) NOT NULL,
    location TEXT NOT NULL,
    properties TEXT NOT NULL,
    result_uuid VARCHAR(36) NOT NULL REFERENCES results (uuid),
    "offset" BIGINT NOT NULL,
    load_time BIGINT NOT NULL,
    PRIMARY KEY (sample, state)
);

CREATE INDEX sample_states_result ON sample_states (result_uuid);

CREATE TABLE sample_parents (
    sample VARCHAR(80) NOT NULL REFERENCES samples (sample),
    parent VARCHAR(80) NOT NULL,
    PRIMARY KEY (sample, parent)
);

CREATE INDEX sample_parents_parent ON sample_parents (parent);

CREATE TABLE artifacts (
    result_uuid VARCHAR(36) NOT NULL REFERENCES results (uuid),
    sha256 VARCHAR(64) NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (result_uuid, sha256)
);

CREATE INDEX artifacts_sha256 ON artifacts (sha256);

CREATE TABLE offers (
    node VARCHAR(81) NOT NULL,
    quantity VARCHAR(40) NOT NULL,
    method VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    worker VARCHAR(12) NOT NULL,
    slots INTEGER NOT NULL,
    lease DOUBLE PRECISION NOT NULL,
    limitations TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    "offset" BIGINT NOT NULL,
    load_time BIGINT NOT NULL,
    PRIMARY KEY (node, quantity, method)
);

CREATE TABLE orders (
    token {bigint_key} PRIMARY KEY,
    request_uuid VARCHAR(36) NOT NULL REFERENCES requests (uuid),
    worker VARCHAR(81) NOT NULL,
    kind VARCHAR(12) NOT NULL,
    epoch BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    lease DOUBLE PRECISION NOT NULL,
    status VARCHAR(12) NOT NULL,
    reserved_at BIGINT NOT NULL,
    begun_at BIGINT,
    ended_at BIGINT
);

CREATE INDEX orders_request ON orders (request_uuid);
