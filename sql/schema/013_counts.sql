-- What is counted says so itself, and nothing is left of what is gone. Earlier releases let both drift on PostgreSQL: here
-- they are put right.

DELETE FROM apps WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = apps.user_id);
-- sqlite:
DELETE FROM app_search WHERE rowid NOT IN (SELECT number FROM apps);
-- postgresql:
DELETE FROM app_search WHERE number NOT IN (SELECT number FROM apps);
-- both:
DELETE FROM app_shares WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = app_shares.app_id)
  OR NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = app_shares.user_id);
DELETE FROM authorizations WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = authorizations.app_id)
  OR NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = authorizations.user_id);
DELETE FROM device_codes WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = device_codes.app_id);
DELETE FROM session_apps WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = session_apps.app_id)
  OR NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = session_apps.user_id);
DELETE FROM sessions WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = sessions.user_id);
DELETE FROM api_keys WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = api_keys.user_id);
DELETE FROM passkeys WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = passkeys.user_id);

CREATE INDEX session_apps_of_app ON session_apps (app_id);

-- Whether it is one of its app's user_count: those in force are, but in the midst of a batch (app_count_user). The default
-- is for those in force, which are the most.
ALTER TABLE authorizations ADD COLUMN is_counted boolean NOT NULL DEFAULT TRUE;
UPDATE authorizations SET is_counted = FALSE WHERE revoked_at IS NOT NULL;

UPDATE apps SET user_count =
  (SELECT count(*) FROM authorizations z WHERE z.app_id = apps.app_id AND z.revoked_at IS NULL)
WHERE user_count <> (SELECT count(*) FROM authorizations z WHERE z.app_id = apps.app_id AND z.revoked_at IS NULL);
UPDATE app_counts SET apps =
  (SELECT count(*) FROM apps a WHERE a.active = TRUE AND a.public = (app_counts.kind = 'listed'));
