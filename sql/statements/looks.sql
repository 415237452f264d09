-- The looks of names that an older release stored, some rows at a time.

-- name: app_looks_missing
SELECT app_id AS id, name FROM apps WHERE look IS NULL ORDER BY app_id LIMIT ?1

-- name: app_look_set
-- Unless it was renamed meanwhile, which has set it.
UPDATE apps SET look = ?2, look_twin = CASE WHEN EXISTS (SELECT 1 FROM apps o WHERE o.look = ?2) THEN app_id ELSE '' END
WHERE app_id = ?1 AND look IS NULL

-- name: user_looks_missing
SELECT user_id AS id, username AS name FROM users WHERE look IS NULL ORDER BY user_id LIMIT ?1

-- name: user_look_set
UPDATE users SET look = ?2,
  look_twin = CASE WHEN EXISTS (SELECT 1 FROM users o WHERE o.look = ?2) THEN user_id ELSE '' END
WHERE user_id = ?1 AND look IS NULL
