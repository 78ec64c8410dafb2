INSERT INTO transfers (entry, hash, email, expires) VALUES ('cat-1', x'00', 'new@example.net', 1900000000);
INSERT INTO proofs (registration, kind, subject, token, at) VALUES (1, 'dns', 'cat2.example.net', 't', 1700000000);
