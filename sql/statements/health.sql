-- name: health
-- Is a write like all others, and says what time it is where the rows are, in milliseconds; NULL: on this machine.
INSERT INTO health (health_id, written_at) VALUES ('store', ?1)
ON CONFLICT (health_id) DO UPDATE SET written_at = ?1
RETURNING
-- sqlite:
  NULL AS now_ms
-- postgresql:
  CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS now_ms
-- both:

-- name: clock
-- The same without a write.
SELECT
-- sqlite:
  NULL AS now_ms
-- postgresql:
  CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS now_ms
-- both:
