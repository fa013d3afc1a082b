-- The columns of directories are not in the files
CREATE TABLE src (id INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/texts.jsonl', 'format' = 'json');
CREATE TABLE sink (s STRING, id INT, h INT) PARTITIONED BY (s, h) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'csv');
INSERT INTO sink SELECT s, id, id / 2 FROM src WHERE id < 9;
