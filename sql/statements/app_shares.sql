-- name: app_share_insert
-- By the owner (?2), with user ?3, behind user_lock and app_lock. No row when it is shared already, when one of the three
-- is not there, or when it is shared with ?5.
INSERT INTO app_shares (app_id, user_id, shared_at, made_by)
SELECT a.app_id, u.user_id, ?4, ?6 FROM apps a, users u
WHERE a.app_id = ?1 AND a.user_id = ?2 AND u.user_id = ?3
  AND (SELECT count(*) FROM app_shares WHERE app_id = ?1) < ?5
ON CONFLICT (app_id, user_id) DO NOTHING
RETURNING app_id

-- name: app_share_find
SELECT shared_at FROM app_shares WHERE app_id = ?1 AND user_id = ?2

-- name: app_share_delete
DELETE FROM app_shares
WHERE app_id = (SELECT app_id FROM apps WHERE app_id = ?1 AND user_id = ?2) AND user_id = ?3
RETURNING app_id

-- name: app_share_list
SELECT s.user_id, u.username, s.shared_at
FROM app_shares s JOIN users u ON u.user_id = s.user_id
WHERE s.app_id = ?1
ORDER BY s.shared_at, s.user_id
