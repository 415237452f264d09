-- Whether a passkey was made to be on several devices (WebAuthn Level 3 §6.1.3: backup eligible); of older ones nobody knows.
ALTER TABLE passkeys ADD COLUMN is_synced boolean NOT NULL DEFAULT FALSE;
