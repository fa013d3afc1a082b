-- CSV with other characters, comments, a null literal, and errors that are ignored
CREATE TABLE src (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/odd.csv', 'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.quote-character' = '''',
  'csv.escape-character' = '\', 'csv.allow-comments' = 'true', 'csv.null-literal' = 'n/a', 'csv.ignore-parse-errors' = 'true');
CREATE TABLE sink (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink SELECT * FROM src;
