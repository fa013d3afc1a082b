-- CSV without quotes, by tabs
CREATE TABLE src (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/texts.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'csv', 'csv.field-delimiter' = '\t', 'csv.disable-quote-character' = 'true');
INSERT INTO sink SELECT * FROM src;
