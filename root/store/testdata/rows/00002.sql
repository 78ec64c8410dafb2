INSERT INTO trust_documents (version, document, published) VALUES (1, x'00', 1700000000);
