CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE alert (
    id TEXT NOT NULL, 
    customer_token TEXT NOT NULL, 
    device_token TEXT, 
    sealed_order TEXT NOT NULL, 
    made_at BIGINT NOT NULL, 
    placed_at BIGINT NOT NULL, 
    score FLOAT NOT NULL, 
    threshold FLOAT NOT NULL, 
    value FLOAT NOT NULL, 
    risk FLOAT NOT NULL, 
    currency TEXT NOT NULL, 
    fact TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    decided_by TEXT NOT NULL, 
    model_version TEXT NOT NULL, 
    channel TEXT, 
    country TEXT, 
    document TEXT NOT NULL, 
    state TEXT DEFAULT 'new' NOT NULL, 
    taken_by TEXT, 
    taken_at BIGINT, 
    closed_by TEXT, 
    closed_at BIGINT, 
    outcome TEXT, 
    note TEXT, 
    PRIMARY KEY (id)
);

CREATE INDEX alert_by_score ON alert (state, score, id);

CREATE INDEX alert_by_risk ON alert (state, risk, id);

CREATE INDEX alert_by_age ON alert (state, made_at, id);

CREATE INDEX alert_by_closing ON alert (state, closed_at, id);

CREATE INDEX alert_made ON alert (made_at);

CREATE INDEX alert_customer ON alert (customer_token);

CREATE INDEX alert_device ON alert (device_token);

CREATE TABLE alert_event (
    id INTEGER NOT NULL, 
    alert_id TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    who TEXT NOT NULL, 
    what TEXT NOT NULL, 
    outcome TEXT, 
    note TEXT, 
    PRIMARY KEY (id)
);

CREATE INDEX event_of_alert ON alert_event (alert_id, id);

CREATE INDEX event_at ON alert_event (at);

CREATE TABLE outcome (
    order_token TEXT NOT NULL, 
    outcome TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    source TEXT NOT NULL, 
    customer_token TEXT, 
    received_at BIGINT NOT NULL, 
    PRIMARY KEY (order_token, outcome, at, source)
);

CREATE INDEX outcome_customer ON outcome (customer_token);

CREATE INDEX outcome_received ON outcome (received_at);

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num;

