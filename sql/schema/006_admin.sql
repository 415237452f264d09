-- What administrators look for: users by the begin of their name, and the audit log by whom, what and whence.

-- sqlite:
-- the unique key has that order already
-- postgresql:
CREATE INDEX users_in_order ON users (username_key COLLATE "C");
-- both:

-- at_ms and audit_id are where a page of the log ends.
CREATE INDEX audit_in_order ON audit (at_ms, audit_id);
DROP INDEX audit_by_time;
CREATE INDEX audit_of_user ON audit (user_id, at_ms, audit_id);
CREATE INDEX audit_of_app ON audit (app_id, at_ms, audit_id);
CREATE INDEX audit_of_kind ON audit (kind, at_ms, audit_id);
CREATE INDEX audit_of_address ON audit (address, at_ms, audit_id);
