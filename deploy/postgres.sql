-- postgres.sql - what compose.yaml's PostgreSQL is made with: a user and a database for each system
-- that writes to one.  Only containers of the project and programs of this machine reach the server.
CREATE USER routes PASSWORD 'routes';
CREATE DATABASE routes OWNER routes;
CREATE USER orders PASSWORD 'orders';
CREATE DATABASE orders OWNER orders;

-- The tables of orders; that of routes is made by its pipeline.
\connect orders
SET ROLE orders;
\i /flight/orders.sql
