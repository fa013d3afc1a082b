-- timestamps in ISO-8601, null fields left out
CREATE TABLE m (id INT, ts TIMESTAMP(3), tl TIMESTAMP_LTZ(3), n INT)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/iso.jsonl', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601');
CREATE TABLE sink (id INT, ts TIMESTAMP(3), tl TIMESTAMP_LTZ(3), n INT)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601', 'json.encode.ignore-null-fields' = 'true');
INSERT INTO sink SELECT * FROM m;
