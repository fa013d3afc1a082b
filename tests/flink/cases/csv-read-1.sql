-- CSV as it comes
CREATE TABLE src (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/good.csv', 'format' = 'csv');
CREATE TABLE sink (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink SELECT * FROM src;
