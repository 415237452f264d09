-- What the pages of /admin show. Every list goes on behind the last row that was seen; nothing counts rows that may be
-- many, and every statement walks an index.

-- name: admin_users
-- By name, of those that begin with ?1 (?2: behind them all), behind the name ?3.
SELECT user_id, username, username_key, hotkey, roles, created_at FROM users
-- sqlite:
WHERE username_key >= ?1 AND username_key < ?2 AND username_key > ?3 ORDER BY username_key LIMIT ?4
-- postgresql:
WHERE username_key COLLATE "C" >= ?1 AND username_key COLLATE "C" < ?2 AND username_key COLLATE "C" > ?3
ORDER BY username_key COLLATE "C" LIMIT ?4
-- both:

-- name: admin_sessions
-- How many of user ?1 are in force at ?2, and the latest sign-in.
SELECT count(*) AS sessions, max(auth_time) AS latest FROM sessions WHERE user_id = ?1 AND expires_at > ?2

-- name: admin_keys
SELECT count(*) AS keys FROM api_keys WHERE user_id = ?1

-- name: admin_apps_of
-- The newest of owner ?1.
SELECT app_id, client_id, name, active, public, user_count, created_at FROM apps
WHERE user_id = ?1 ORDER BY number DESC LIMIT ?2

-- name: admin_apps
-- The newest whose number is below ?1.
SELECT a.app_id, a.number, a.name, a.active, a.public, a.user_count, a.created_at, a.user_id,
  u.username AS owner_username
FROM apps a LEFT JOIN users u ON u.user_id = a.user_id
WHERE a.number < ?1 ORDER BY a.number DESC LIMIT ?2

-- name: admin_apps_found
-- Of the newest matches of the trigrams ?3 (of the text ?4, in lower case), or, when it is too short for them, of the
-- newest ?5 apps below number ?1. On PostgreSQL "+ 0" leaves the search the index of trigrams alone.
-- sqlite:
WITH found AS (
  SELECT number FROM (SELECT s.rowid AS number FROM app_search s
    WHERE ?3 IS NOT NULL AND app_search MATCH ?3 AND s.rowid < ?1 ORDER BY s.rowid DESC LIMIT ?2)
  UNION ALL
  SELECT number FROM (SELECT n.number FROM (SELECT number FROM apps WHERE ?3 IS NULL AND number < ?1
      ORDER BY number DESC LIMIT ?5) n CROSS JOIN app_search s
    WHERE s.rowid = n.number AND replace(s.name, ?4, '') <> s.name ORDER BY n.number DESC LIMIT ?2)
)
-- postgresql:
WITH pattern AS (
  SELECT '%' || replace(replace(replace(?4, '\', '\\'), '%', '\%'), '_', '\_') || '%' AS text
), found AS (
  SELECT number FROM (SELECT s.number FROM app_search s
    WHERE CAST(?3 AS text) IS NOT NULL AND s.number + 0 < ?1 AND s.name LIKE (SELECT text FROM pattern)
    ORDER BY s.number + 0 DESC LIMIT ?2) indexed
  UNION ALL
  SELECT number FROM (SELECT n.number FROM (SELECT number FROM apps WHERE CAST(?3 AS text) IS NULL AND number < ?1
      ORDER BY number DESC LIMIT ?5) n JOIN app_search s ON s.number = n.number
    WHERE replace(s.name, ?4, '') <> s.name ORDER BY n.number DESC LIMIT ?2) looked_through
)
-- both:
SELECT a.app_id, a.number, a.name, a.active, a.public, a.user_count, a.created_at, a.user_id,
  u.username AS owner_username
FROM found JOIN apps a ON a.number = found.number LEFT JOIN users u ON u.user_id = a.user_id
ORDER BY a.number DESC LIMIT ?2

-- The audit log, the newest first, from ?1 (at_ms) on, behind the row ?2 (at_ms), ?3 (audit_id), ?4 rows. The statement's
-- name says which index it walks; the rest of the filter (?5 kind, ?6 user, ?7 app, ?8 address, each NULL: any) is looked
-- at on the way. Written so that no other plan is tempting: rows are compared with the column that leads the index, and
-- CASE is not rare to PostgreSQL's planner as IS NULL OR = is.

-- name: admin_audit_by_time
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE at_ms >= ?1 AND (at_ms, audit_id) < (?2, ?3)
  AND CASE WHEN CAST(?5 AS text) IS NULL THEN TRUE ELSE kind = ?5 END
  AND CASE WHEN CAST(?6 AS text) IS NULL THEN TRUE ELSE user_id = ?6 END
  AND CASE WHEN CAST(?7 AS text) IS NULL THEN TRUE ELSE app_id = ?7 END
  AND CASE WHEN CAST(?8 AS text) IS NULL THEN TRUE ELSE address = ?8 END
ORDER BY at_ms DESC, audit_id DESC LIMIT ?4

-- name: admin_audit_by_kind
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE (kind, at_ms) >= (?5, ?1) AND (kind, at_ms, audit_id) < (?5, ?2, ?3)
  AND CASE WHEN CAST(?6 AS text) IS NULL THEN TRUE ELSE user_id = ?6 END
  AND CASE WHEN CAST(?7 AS text) IS NULL THEN TRUE ELSE app_id = ?7 END
  AND CASE WHEN CAST(?8 AS text) IS NULL THEN TRUE ELSE address = ?8 END
ORDER BY kind DESC, at_ms DESC, audit_id DESC LIMIT ?4

-- name: admin_audit_by_user
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE (user_id, at_ms) >= (?6, ?1) AND (user_id, at_ms, audit_id) < (?6, ?2, ?3)
  AND CASE WHEN CAST(?5 AS text) IS NULL THEN TRUE ELSE kind = ?5 END
  AND CASE WHEN CAST(?7 AS text) IS NULL THEN TRUE ELSE app_id = ?7 END
  AND CASE WHEN CAST(?8 AS text) IS NULL THEN TRUE ELSE address = ?8 END
ORDER BY user_id DESC, at_ms DESC, audit_id DESC LIMIT ?4

-- name: admin_audit_by_app
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE (app_id, at_ms) >= (?7, ?1) AND (app_id, at_ms, audit_id) < (?7, ?2, ?3)
  AND CASE WHEN CAST(?5 AS text) IS NULL THEN TRUE ELSE kind = ?5 END
  AND CASE WHEN CAST(?6 AS text) IS NULL THEN TRUE ELSE user_id = ?6 END
  AND CASE WHEN CAST(?8 AS text) IS NULL THEN TRUE ELSE address = ?8 END
ORDER BY app_id DESC, at_ms DESC, audit_id DESC LIMIT ?4

-- name: admin_audit_by_address
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE (address, at_ms) >= (?8, ?1) AND (address, at_ms, audit_id) < (?8, ?2, ?3)
  AND CASE WHEN CAST(?5 AS text) IS NULL THEN TRUE ELSE kind = ?5 END
  AND CASE WHEN CAST(?6 AS text) IS NULL THEN TRUE ELSE user_id = ?6 END
  AND CASE WHEN CAST(?7 AS text) IS NULL THEN TRUE ELSE app_id = ?7 END
ORDER BY address DESC, at_ms DESC, audit_id DESC LIMIT ?4

-- name: admin_audit_of_request
-- ?9: the request.
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit
WHERE request_id = ?9 AND at_ms >= ?1 AND (at_ms, audit_id) < (?2, ?3)
  AND CASE WHEN CAST(?5 AS text) IS NULL THEN TRUE ELSE kind = ?5 END
  AND CASE WHEN CAST(?6 AS text) IS NULL THEN TRUE ELSE user_id = ?6 END
  AND CASE WHEN CAST(?7 AS text) IS NULL THEN TRUE ELSE app_id = ?7 END
  AND CASE WHEN CAST(?8 AS text) IS NULL THEN TRUE ELSE address = ?8 END
ORDER BY at_ms DESC, audit_id DESC LIMIT ?4
