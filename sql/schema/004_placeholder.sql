-- Held for another branch; deleted when its migration comes.
UPDATE app_counts SET apps = apps;
