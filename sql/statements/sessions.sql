-- name: spend
-- Whoever gets the row is the first to use it, on every node: but for whoever nobody was told of.
INSERT INTO spent (spent_id, spent_by, expires_at) VALUES (?1, ?2, ?3)
ON CONFLICT (spent_id) DO UPDATE SET spent_by = excluded.spent_by, expires_at = excluded.expires_at
WHERE spent.spent_by = excluded.spent_by OR EXISTS (SELECT 1 FROM untold WHERE work_id = spent.spent_by)
RETURNING spent_id

-- name: spend_by_hotkey
-- The same for the account that has hotkey ?4 (its public key): what a stranger has signed leaves no row.
INSERT INTO spent (spent_id, spent_by, expires_at)
SELECT ?1, ?2, ?3
WHERE EXISTS (SELECT 1 FROM users WHERE hotkey_key = ?4)
ON CONFLICT (spent_id) DO UPDATE SET spent_by = excluded.spent_by, expires_at = excluded.expires_at
WHERE spent.spent_by = excluded.spent_by OR EXISTS (SELECT 1 FROM untold WHERE work_id = spent.spent_by)
RETURNING spent_id

-- name: untold_insert
-- Nobody was told of what ?1 has done, or may yet have.
INSERT INTO untold (work_id, expires_at) VALUES (?1, ?2) ON CONFLICT (work_id) DO NOTHING

-- name: sweep_untold
DELETE FROM untold WHERE work_id IN (SELECT work_id FROM untold WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING work_id

-- name: sweep_spent
DELETE FROM spent WHERE spent_id IN (SELECT spent_id FROM spent WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING spent_id

-- name: session_insert
-- ?10: what was spent (a login nonce) by this session, or ''. ?11: what was proved, which must be the user's still: whoever
-- replaces it (user_set_fingerprint and the like) ends the sessions in the same batch, and on PostgreSQL waits for this.
INSERT INTO sessions (session_id, user_id, secret_hash, auth_time, auth_method, created_at, expires_at, user_agent,
  address, seen_at, browser_id)
SELECT ?1, ?2, ?3, ?4, ?5, ?4, ?6, ?7, ?8, ?4, ?9
WHERE (?10 = '' OR EXISTS (SELECT 1 FROM spent WHERE spent_id = ?10 AND spent_by = ?1))
  AND (EXISTS (SELECT 1 FROM users WHERE user_id = ?2 AND (fingerprint_hash = ?11 OR hotkey_key = ?11)
-- postgresql:
    FOR SHARE
-- both:
  ) OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?2 AND public_key = ?11
-- postgresql:
    FOR SHARE
-- both:
  ))
ON CONFLICT (session_id) DO UPDATE SET seen_at = sessions.seen_at
RETURNING session_id

-- name: sessions_over
-- Of user ?1 those beyond the newest ?3, without ?4, which has just begun, are over (?2: now): what it has made too many,
-- and some that were. Behind user_lock no two sign-ins take the same.
UPDATE sessions SET expires_at = ?2 WHERE session_id IN (SELECT session_id FROM sessions
  WHERE user_id = ?1 AND expires_at > ?2 AND session_id <> ?4
  ORDER BY created_at DESC, session_id DESC LIMIT 8 OFFSET ?3)
  AND EXISTS (SELECT 1 FROM sessions WHERE session_id = ?4)
RETURNING session_id

-- name: session_find
-- Sessions of before browser_id are each a browser of their own.
SELECT s.session_id, s.secret_hash, s.auth_time, s.auth_method, s.expires_at, s.seen_at,
  COALESCE(s.browser_id, s.session_id) AS browser_id,
  u.user_id, u.username, u.hotkey, u.roles, u.created_at
FROM sessions s JOIN users u ON u.user_id = s.user_id
WHERE s.session_id = ?1

-- name: session_list
-- Of user ?1, those that last, the latest used first.
SELECT session_id, auth_time, auth_method, user_agent, address, seen_at
FROM sessions WHERE user_id = ?1 AND expires_at > ?2
ORDER BY seen_at DESC, session_id DESC LIMIT ?3 OFFSET ?4

-- name: session_see
UPDATE sessions SET seen_at = ?2, user_agent = ?3, address = ?4 WHERE session_id = ?1 AND seen_at < ?2

-- name: sweep_sessions
DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING session_id

-- name: spent_find
SELECT spent_by FROM spent
WHERE spent_id = ?1 AND NOT EXISTS (SELECT 1 FROM untold WHERE work_id = spent.spent_by)

-- name: spend_in_session
-- The same while session ?4 lasts. On PostgreSQL its end waits for what this batch notes of it (session_app_note), or
-- this finds it gone.
INSERT INTO spent (spent_id, spent_by, expires_at)
SELECT ?1, ?2, ?3
WHERE EXISTS (SELECT 1 FROM sessions WHERE session_id = ?4
-- postgresql:
  FOR KEY SHARE
-- both:
)
ON CONFLICT (spent_id) DO UPDATE SET spent_by = excluded.spent_by, expires_at = excluded.expires_at
WHERE spent.spent_by = excluded.spent_by OR EXISTS (SELECT 1 FROM untold WHERE work_id = spent.spent_by)
RETURNING spent_id

-- name: session_app_note
-- App ?2 of user ?3 has signed in by this session, and wants to hear of its end. ?5, ?6: what was spent in it, by whom.
INSERT INTO session_apps (session_id, app_id, user_id, expires_at)
SELECT ?1, ?2, ?3, ?4
WHERE EXISTS (SELECT 1 FROM spent WHERE spent_id = ?5 AND spent_by = ?6)
ON CONFLICT DO NOTHING

-- name: sweep_session_apps
DELETE FROM session_apps WHERE session_id IN (SELECT session_id FROM session_apps WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
) AND expires_at < ?1
RETURNING session_id
