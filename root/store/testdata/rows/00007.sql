INSERT INTO audit (number, at, admin, action, outcome, subject, entry, detail, change, count, source, previous, hash)
VALUES (1000, 1700000400, 'alice', 'reject', 'done', 'r9', '', '', 0, 1, '', x'00', x'00');
