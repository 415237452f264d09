-- name: health
-- Answers when the store can be read.
SELECT 1 AS alive
