-- The audit record (audit_id) that tells of it, where no key of its own says whether this request did it.
ALTER TABLE app_shares ADD COLUMN made_by text;
ALTER TABLE grants ADD COLUMN revoked_by text;
