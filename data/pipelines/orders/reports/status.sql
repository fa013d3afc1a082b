-- Status: how many orders have which status, of those updated within [END - OFFSET, END], by status.
-- END: the parameter end (now); OFFSET: the parameter offset (15 min).
WITH span AS (
  SELECT epoch_ms(:end) - duration_ms(coalesce(:offset, '15 min')) AS from_ms, epoch_ms(:end) AS to_ms
)
SELECT status, count(*) AS counts
FROM orders, span
WHERE epoch_ms(updated_ts) BETWEEN from_ms AND to_ms
GROUP BY status
ORDER BY status;
