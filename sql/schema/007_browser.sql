-- Sessions that one user has begun one after the other in the same browser share the id of the first.
ALTER TABLE sessions ADD COLUMN browser_id text;
