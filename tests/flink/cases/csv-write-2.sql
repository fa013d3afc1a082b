-- CSV with other characters and a null literal
CREATE TABLE src (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/texts.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, s STRING, i INT, d DOUBLE, b BOOLEAN, `dec` DECIMAL(10, 2), da DATE, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3), y BYTES)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.quote-character' = '''',
  'csv.escape-character' = '\', 'csv.null-literal' = 'n/a');
INSERT INTO sink SELECT * FROM src;
