INSERT INTO findings (registration, findings) VALUES (1, '{}');
INSERT INTO past_addresses (value, registration) VALUES ('cat1.example.net:13327', 2);
