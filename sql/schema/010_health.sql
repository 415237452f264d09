-- One row, which is written to see that rows can be written.
CREATE TABLE health (
  health_id text PRIMARY KEY,
  written_at bigint NOT NULL
);
