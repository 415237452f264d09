-- How names look (base/name.h). Of names that were given since, no two of a kind look alike; those that did before keep
-- their names: all but one of them are twins, which are told apart by their ids. NULL: nobody has looked yet (the server
-- does, in the background: registry/looks.h).
ALTER TABLE apps ADD COLUMN look text;
ALTER TABLE apps ADD COLUMN look_twin text NOT NULL DEFAULT ''; -- a twin's app_id
CREATE UNIQUE INDEX apps_by_look ON apps (look, look_twin);
CREATE INDEX apps_without_look ON apps (app_id) WHERE look IS NULL;

ALTER TABLE users ADD COLUMN look text;
ALTER TABLE users ADD COLUMN look_twin text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX users_by_look ON users (look, look_twin);
CREATE INDEX users_without_look ON users (user_id) WHERE look IS NULL;
