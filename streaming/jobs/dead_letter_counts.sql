INSERT INTO dead_letter_counts SELECT reason, 'plays', SUM(records) FROM letters GROUP BY reason;
