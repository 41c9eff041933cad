INSERT INTO dead_letter_counts SELECT reason, SUM(records) FROM letters GROUP BY reason;
