-- name: audit_insert
INSERT INTO audit (audit_id, at_ms, expires_at, kind, request_id, user_id, username, app_id, address, policy_version,
  detail, decisions)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)

-- name: audit_of_request
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit WHERE request_id = ?1 ORDER BY at_ms, audit_id

-- name: audit_since
-- ?1: at_ms, ?2: audit_id of the last one seen.
SELECT audit_id, at_ms, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions
FROM audit WHERE at_ms > ?1 OR (at_ms = ?1 AND audit_id > ?2) ORDER BY at_ms, audit_id LIMIT ?3

-- name: sweep_audit
DELETE FROM audit WHERE audit_id IN (SELECT audit_id FROM audit WHERE expires_at < ?1 LIMIT ?2
-- postgresql:
  FOR UPDATE SKIP LOCKED
-- both:
)
RETURNING audit_id
