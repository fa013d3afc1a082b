-- Age: seconds from creation to fulfilment of each order that was fulfilled within [END - OFFSET, END],
-- by the time of fulfilment.  END: the parameter end (now); OFFSET: the parameter offset (15 min).
WITH span AS (
  SELECT epoch_ms(:end) - duration_ms(coalesce(:offset, '15 min')) AS from_ms, epoch_ms(:end) AS to_ms
)
SELECT order_id,
       iso_seconds(epoch_ms(created_ts)) AS created_ts,
       iso_seconds(epoch_ms(updated_ts)) AS updated_ts,
       (epoch_ms(updated_ts) - epoch_ms(created_ts)) / 1000 AS age
FROM orders, span
WHERE status = 'FULFILLED' AND epoch_ms(orders.updated_ts) BETWEEN from_ms AND to_ms
ORDER BY epoch_ms(orders.updated_ts), order_id;
