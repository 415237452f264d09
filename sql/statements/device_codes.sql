-- name: device_insert
-- ?10: how many codes of one app may wait, counted behind app_lock. No row then, nor when the app is gone or the user_code
-- taken.
INSERT INTO device_codes (device_id, user_code, app_id, scopes, resources, dpop_jkt, created_at, expires_at, polled_at,
  interval_s)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9
WHERE (SELECT count(*) FROM (SELECT 1 FROM device_codes
  WHERE app_id = ?3 AND decided_at IS NULL AND expires_at > ?7 AND device_id <> ?1 LIMIT ?10) waiting) < ?10
  AND EXISTS (SELECT 1 FROM apps WHERE app_id = ?3)
ON CONFLICT (user_code) DO UPDATE SET polled_at = device_codes.polled_at
WHERE device_codes.device_id = excluded.device_id
RETURNING device_id

-- name: device_count_waiting
-- Of app ?1, but not further than ?3.
SELECT count(*) AS codes FROM (SELECT 1 FROM device_codes
  WHERE app_id = ?1 AND decided_at IS NULL AND expires_at > ?2 LIMIT ?3) waiting

-- name: device_by_user_code
-- One that waits.
SELECT device_id, user_code, app_id, scopes, resources, dpop_jkt, expires_at,
  CASE WHEN EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by) THEN NULL ELSE decided_at END AS decided_at
FROM device_codes
WHERE user_code = ?1 AND expires_at > ?2
  AND (decided_at IS NULL OR EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by))

-- name: device_by_id
SELECT device_id, user_code, app_id, scopes, resources, dpop_jkt, expires_at,
  CASE WHEN EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by) THEN NULL ELSE decided_at END AS decided_at
FROM device_codes WHERE device_id = ?1

-- name: device_guess
-- User ?1 enters the code ?2. ?4: the end of a count that begins now (?3). Right or wrong, who enters many at once waits
-- for this row, so that none is tried that is not counted.
INSERT INTO device_guesses (user_id, wrong, expires_at)
VALUES (?1, CASE WHEN EXISTS (SELECT 1 FROM device_codes
  WHERE user_code = ?2 AND expires_at > ?3
    AND (decided_at IS NULL OR EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by))) THEN 0 ELSE 1 END, ?4)
ON CONFLICT (user_id) DO UPDATE
SET wrong = CASE WHEN device_guesses.expires_at > ?3 THEN device_guesses.wrong ELSE 0 END + excluded.wrong,
  expires_at = CASE WHEN device_guesses.expires_at > ?3 THEN device_guesses.expires_at ELSE excluded.expires_at END
RETURNING wrong

-- name: device_decide
-- ?3: the grant; NULL: denied. ?4, ?5: the request, spent by this answer.
UPDATE device_codes SET decided_at = ?2, grant_id = ?3, decided_by = ?5
WHERE device_id = ?1 AND EXISTS (SELECT 1 FROM spent WHERE spent_id = ?4 AND spent_by = ?5)
  AND (decided_at IS NULL OR decided_by = ?5
    OR EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by))
RETURNING device_id

-- name: device_polled
-- What the device asks for: its own app's (?2).
SELECT device_id, dpop_jkt, grant_id, polled_at, interval_s,
  CASE WHEN EXISTS (SELECT 1 FROM untold WHERE work_id = device_codes.decided_by) THEN NULL ELSE decided_at END AS decided_at
FROM device_codes WHERE device_id = ?1 AND app_id = ?2

-- name: device_poll_early
-- Before its time, which is ?3 (now ?2 and what clocks and networks are forgiven): from now on it has to wait longer by
-- ?4. Before device_poll, which then has no row.
UPDATE device_codes SET polled_at = ?2, interval_s = interval_s + ?4
WHERE device_id = ?1 AND decided_at IS NULL AND polled_at + interval_s > ?3
RETURNING interval_s

-- name: device_poll
UPDATE device_codes SET polled_at = ?2
WHERE device_id = ?1 AND decided_at IS NULL AND polled_at + interval_s <= ?3
RETURNING interval_s

-- name: sweep_device_codes
DELETE FROM device_codes WHERE device_id IN (SELECT device_id FROM device_codes WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING device_id

-- name: sweep_device_guesses
DELETE FROM device_guesses WHERE user_id IN (SELECT user_id FROM device_guesses WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING user_id
