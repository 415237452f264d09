-- The listing policy's decision is toggles: ?2 listed (active and public), ?3 unlisted (active, not public: for who
-- may see all), ?4 own and ?5 shared, of user ?1, without what the first two have. Every branch walks an index in the
-- order of the page and stops at ?6 (offset + limit) rows. Of the listed only those whose number is below ?9 are there: numbers
-- begin with the time of making.

-- name: app_listing_newest
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count
FROM (
  SELECT number FROM (SELECT number FROM apps WHERE ?2 AND active = TRUE AND public = TRUE AND number < ?9 ORDER BY number DESC LIMIT ?6) l
  UNION ALL
  SELECT number FROM (SELECT number FROM apps WHERE ?3 AND active = TRUE AND public = FALSE ORDER BY number DESC LIMIT ?6) n
  UNION ALL
  SELECT number FROM (SELECT number FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?9)
    ORDER BY number DESC LIMIT ?6) o
  UNION ALL
  SELECT number FROM (SELECT b.number FROM app_shares s JOIN apps b ON b.app_id = s.app_id
    WHERE ?5 AND s.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?9) AND NOT (?4 AND b.user_id = ?1)
    ORDER BY b.number DESC LIMIT ?6) s
) chosen
JOIN apps a ON a.number = chosen.number JOIN users u ON u.user_id = a.user_id
ORDER BY a.number DESC LIMIT ?7 OFFSET ?8

-- name: app_listing_name
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count
FROM (
  SELECT name_key FROM (SELECT name_key FROM apps WHERE ?2 AND active = TRUE AND public = TRUE AND number < ?9 ORDER BY name_key LIMIT ?6) l
  UNION ALL
  SELECT name_key FROM (SELECT name_key FROM apps WHERE ?3 AND active = TRUE AND public = FALSE ORDER BY name_key LIMIT ?6) n
  UNION ALL
  SELECT name_key FROM (SELECT name_key FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?9)
    ORDER BY name_key LIMIT ?6) o
  UNION ALL
  SELECT name_key FROM (SELECT b.name_key FROM app_shares s JOIN apps b ON b.app_id = s.app_id
    WHERE ?5 AND s.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?9) AND NOT (?4 AND b.user_id = ?1)
    ORDER BY b.name_key LIMIT ?6) s
) chosen
JOIN apps a ON a.name_key = chosen.name_key JOIN users u ON u.user_id = a.user_id
ORDER BY a.name_key LIMIT ?7 OFFSET ?8

-- name: app_listing_popular
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count
FROM (
  SELECT number FROM (SELECT number FROM apps WHERE ?2 AND active = TRUE AND public = TRUE AND number < ?9
    ORDER BY user_count DESC, number DESC LIMIT ?6) l
  UNION ALL
  SELECT number FROM (SELECT number FROM apps WHERE ?3 AND active = TRUE AND public = FALSE
    ORDER BY user_count DESC, number DESC LIMIT ?6) n
  UNION ALL
  SELECT number FROM (SELECT number FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?9)
    ORDER BY user_count DESC, number DESC LIMIT ?6) o
  UNION ALL
  SELECT number FROM (SELECT b.number FROM app_shares s JOIN apps b ON b.app_id = s.app_id
    WHERE ?5 AND s.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?9) AND NOT (?4 AND b.user_id = ?1)
    ORDER BY b.user_count DESC, b.number DESC LIMIT ?6) s
) chosen
JOIN apps a ON a.number = chosen.number JOIN users u ON u.user_id = a.user_id
ORDER BY a.user_count DESC, a.number DESC LIMIT ?7 OFFSET ?8

-- name: app_listing_total
SELECT (SELECT CAST(COALESCE(sum(apps), 0) AS bigint) FROM app_counts WHERE (?2 AND kind = 'listed') OR (?3 AND kind = 'unlisted'))
  - (SELECT count(*) FROM apps WHERE ?2 AND active = TRUE AND public = TRUE AND number >= ?6)
  + (SELECT count(*) FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?6))
  + (SELECT count(*) FROM app_shares s JOIN apps b ON b.app_id = s.app_id
     WHERE ?5 AND s.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?6) AND NOT (?4 AND b.user_id = ?1)) AS total

-- name: app_search
-- A search considers the newest ?9 matches among the listed and unlisted. ?6: the text in lower case. ?7: the query of
-- its trigrams, when it has three characters; else the newest ?10 apps are looked through. ?11, ?12, ?13: look in name,
-- description, homepage_url. ?8: the order. ?14, ?15: limit, offset. ?16: the listed have a number below it.
-- SQLite finds trigrams by FTS5 (CROSS JOIN: the left side is walked first, whatever the planner thinks), PostgreSQL by
-- pg_trgm, to which ?7 only says that there are three characters.
-- sqlite:
WITH found AS (
  SELECT number FROM (SELECT a.number FROM app_search s CROSS JOIN apps a
    WHERE a.number = s.rowid AND ?7 IS NOT NULL AND (?2 OR ?3) AND app_search MATCH ?7 AND a.active AND (a.public AND ?2 AND a.number < ?16 OR NOT a.public AND ?3)
    ORDER BY s.rowid DESC LIMIT ?9)
  UNION ALL
  SELECT number FROM (SELECT n.number FROM (SELECT number FROM apps
      WHERE ?7 IS NULL AND (?2 OR ?3) AND active AND (public AND ?2 AND number < ?16 OR NOT public AND ?3)
      ORDER BY number DESC LIMIT ?10) n CROSS JOIN app_search s
    WHERE s.rowid = n.number AND ((?11 AND replace(s.name, ?6, '') <> s.name) OR (?12 AND replace(s.description, ?6, '') <> s.description)
      OR (?13 AND replace(s.homepage_url, ?6, '') <> s.homepage_url))
    ORDER BY n.number DESC LIMIT ?9)
  UNION ALL
  SELECT m.number FROM (
      SELECT number FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?16)
      UNION
      SELECT b.number FROM app_shares h JOIN apps b ON b.app_id = h.app_id
      WHERE ?5 AND h.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?16)) m
    CROSS JOIN app_search s
  WHERE s.rowid = m.number AND ((?11 AND replace(s.name, ?6, '') <> s.name) OR (?12 AND replace(s.description, ?6, '') <> s.description)
    OR (?13 AND replace(s.homepage_url, ?6, '') <> s.homepage_url))
)
-- postgresql:
WITH pattern AS (
  SELECT '%' || replace(replace(replace(?6, '\', '\\'), '%', '\%'), '_', '\_') || '%' AS text
), found AS (
  SELECT number FROM (SELECT a.number FROM app_search s JOIN apps a ON a.number = s.number
    WHERE CAST(?7 AS text) IS NOT NULL AND (?2 OR ?3) AND ((?11 AND s.name LIKE (SELECT text FROM pattern))
      OR (?12 AND s.description LIKE (SELECT text FROM pattern))
      OR (?13 AND s.homepage_url LIKE (SELECT text FROM pattern)))
      AND a.active AND (a.public AND ?2 AND a.number < ?16 OR NOT a.public AND ?3)
    ORDER BY a.number DESC LIMIT ?9) indexed
  UNION ALL
  SELECT number FROM (SELECT n.number FROM (SELECT number FROM apps
      WHERE CAST(?7 AS text) IS NULL AND (?2 OR ?3) AND active AND (public AND ?2 AND number < ?16 OR NOT public AND ?3)
      ORDER BY number DESC LIMIT ?10) n JOIN app_search s ON s.number = n.number
    WHERE ((?11 AND replace(s.name, ?6, '') <> s.name) OR (?12 AND replace(s.description, ?6, '') <> s.description)
      OR (?13 AND replace(s.homepage_url, ?6, '') <> s.homepage_url))
    ORDER BY n.number DESC LIMIT ?9) looked_through
  UNION ALL
  SELECT m.number FROM (
      SELECT number FROM apps WHERE ?4 AND user_id = ?1 AND active AND NOT (public AND ?2 AND number < ?16)
      UNION
      SELECT b.number FROM app_shares h JOIN apps b ON b.app_id = h.app_id
      WHERE ?5 AND h.user_id = ?1 AND b.active AND NOT (b.public AND ?2 AND b.number < ?16)) m
    JOIN app_search s ON s.number = m.number
  WHERE ((?11 AND replace(s.name, ?6, '') <> s.name) OR (?12 AND replace(s.description, ?6, '') <> s.description)
      OR (?13 AND replace(s.homepage_url, ?6, '') <> s.homepage_url))
)
-- both:
SELECT a.app_id, a.client_id, a.user_id, a.name, a.description, a.redirect_uris, a.homepage_url, a.logo_url,
  a.active, a.public, a.refresh_token_lifetime_days, a.allowed_scopes, a.token_endpoint_auth_method, a.secret_hash,
  a.created_at, a.updated_at, u.username AS owner_username, a.user_count,
  (SELECT count(*) FROM app_shares c WHERE c.app_id = a.app_id) AS share_count,
  (SELECT count(*) FROM found) AS total
FROM found JOIN apps a ON a.number = found.number JOIN users u ON u.user_id = a.user_id
ORDER BY CASE WHEN ?8 = 'name' THEN a.name_key END, CASE WHEN ?8 = 'popular' THEN -a.user_count END, a.number DESC
LIMIT ?14 OFFSET ?15

-- name: app_search_insert
-- For the app that was just made.
-- sqlite:
INSERT INTO app_search (rowid, name, description, homepage_url)
-- postgresql:
INSERT INTO app_search (number, name, description, homepage_url)
-- both:
SELECT number, ?2, ?3, ?4 FROM apps WHERE app_id = ?1
-- sqlite:
  AND NOT EXISTS (SELECT 1 FROM app_search WHERE rowid = apps.number)
-- postgresql:
ON CONFLICT (number) DO NOTHING
-- both:

-- name: app_search_update
-- After app_update, with its bits (?6), if that changed the row.
UPDATE app_search SET
  name = CASE WHEN (?6 & 1) <> 0 THEN ?3 ELSE name END,
  description = CASE WHEN (?6 & 2) <> 0 THEN ?4 ELSE description END,
  homepage_url = CASE WHEN (?6 & 8) <> 0 THEN ?5 ELSE homepage_url END
-- sqlite:
WHERE rowid =
-- postgresql:
WHERE number =
-- both:
  (SELECT number FROM apps WHERE app_id = ?1 AND user_id = ?2 AND ((?6 & 1) = 0 OR name_key = ?3))

-- name: app_search_delete
-- sqlite:
DELETE FROM app_search WHERE rowid =
-- postgresql:
DELETE FROM app_search WHERE number =
-- both:
  (SELECT number FROM apps WHERE app_id = ?1 AND user_id = ?2)
