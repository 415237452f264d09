-- The end of sessions. Three statements in one batch: the sessions go, which nobody signs in by any more (spend_in_session),
-- then their apps get a delivery each, then it is forgotten who they were, so that two ends at once tell each app once.

-- name: session_end
DELETE FROM sessions WHERE session_id = ?1 RETURNING session_id, expires_at

-- name: sessions_end
-- All of the user's.
DELETE FROM sessions WHERE user_id = ?1 RETURNING session_id, expires_at

-- name: logout_queue
-- ?2: a fresh id; ?3: now; ?4: until when it is tried.
INSERT INTO logout_deliveries (delivery_id, app_id, user_id, session_id, attempts, next_at, expires_at)
SELECT ?2 || '.' || n.app_id, n.app_id, n.user_id, n.session_id, 0, ?3, ?4
FROM session_apps n JOIN apps a ON a.app_id = n.app_id
WHERE n.session_id = ?1 AND a.backchannel_logout_uri IS NOT NULL
RETURNING delivery_id

-- name: logout_queue_all
-- The same for all sessions of user ?1, also those that have expired: an app may still have its own.
INSERT INTO logout_deliveries (delivery_id, app_id, user_id, session_id, attempts, next_at, expires_at)
SELECT ?2 || '.' || n.session_id || '.' || n.app_id, n.app_id, n.user_id, n.session_id, 0, ?3, ?4
FROM session_apps n JOIN apps a ON a.app_id = n.app_id
WHERE n.user_id = ?1 AND a.backchannel_logout_uri IS NOT NULL
RETURNING delivery_id

-- name: session_apps_forget
DELETE FROM session_apps WHERE session_id = ?1

-- name: session_apps_forget_all
DELETE FROM session_apps WHERE user_id = ?1

-- name: logout_delivery_next
-- When the first is due; a row without it when there is none.
SELECT min(next_at) AS next_at FROM logout_deliveries

-- name: logout_delivery_take
-- The one that has waited longest is the caller's alone until ?2: by then it has said how the attempt went, or is gone.
-- ?3: the attempt, by whose id it finds itself again.
UPDATE logout_deliveries SET next_at = ?2, taken_by = ?3,
  attempts = attempts + CASE WHEN COALESCE(taken_by, '') = ?3 THEN 0 ELSE 1 END
WHERE (next_at <= ?1 OR taken_by = ?3)
  AND delivery_id = COALESCE((SELECT delivery_id FROM logout_deliveries WHERE taken_by = ?3), (SELECT delivery_id
  FROM logout_deliveries WHERE next_at <= ?1 ORDER BY next_at LIMIT 1
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
))
RETURNING delivery_id, app_id, user_id, session_id, attempts, expires_at

-- name: logout_delivery_end
DELETE FROM logout_deliveries WHERE delivery_id = ?1 RETURNING delivery_id

-- name: logout_delivery_retry
-- Unless somebody else has begun the next attempt (?2: the number of this one).
UPDATE logout_deliveries SET next_at = ?3 WHERE delivery_id = ?1 AND attempts = ?2

-- name: logout_delivery_wait
-- App ?1 has failed ?5 times: what else it should hear waits until ?3, too, and then as long; ?4 rows at a time.
UPDATE logout_deliveries SET next_at = ?3, attempts = CASE WHEN attempts < ?5 THEN ?5 ELSE attempts END
WHERE next_at <= ?2 AND delivery_id IN (SELECT delivery_id
  FROM logout_deliveries WHERE app_id = ?1 AND next_at <= ?2 LIMIT ?4
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)

-- name: sweep_logout_deliveries
DELETE FROM logout_deliveries WHERE delivery_id IN (SELECT delivery_id FROM logout_deliveries WHERE expires_at < ?1
  LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING delivery_id
