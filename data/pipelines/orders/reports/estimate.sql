-- Estimate: how many orders were cancelled after how many whole minutes, of those cancelled within
-- [END - OFFSET, END].  END: the parameter end (now); OFFSET: the parameter offset (15 min).
WITH span AS (
  SELECT epoch_ms(:end) - duration_ms(coalesce(:offset, '15 min')) AS from_ms, epoch_ms(:end) AS to_ms
)
SELECT (epoch_ms(updated_ts) - epoch_ms(created_ts)) / 60000 AS age, count(*) AS counts
FROM orders, span
WHERE status = 'CANCELLED' AND epoch_ms(updated_ts) BETWEEN from_ms AND to_ms
GROUP BY 1
ORDER BY 1;
