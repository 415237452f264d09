-- What people see of their account: where a session is used, and what a key is for.
ALTER TABLE sessions ADD COLUMN user_agent text NOT NULL DEFAULT ''; -- as the browser names itself, cut
ALTER TABLE sessions ADD COLUMN address text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN seen_at bigint NOT NULL DEFAULT 0; -- within some minutes
ALTER TABLE api_keys ADD COLUMN name text NOT NULL DEFAULT '';
