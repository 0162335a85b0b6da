-- Generated from the services there are: python -m estore.cli.deploy
-- Run by an administrator, with psql, as often as one likes: it makes what is missing and sets what has changed.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

\set password `cat /run/secrets/identity`
SELECT 'CREATE ROLE estore_identity'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_identity') \gexec
ALTER ROLE estore_identity LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_identity SET search_path = identity;
SELECT 'CREATE DATABASE estore_identity OWNER estore_identity'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_identity') \gexec
REVOKE ALL ON DATABASE estore_identity FROM PUBLIC;
\connect estore_identity
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS identity AUTHORIZATION estore_identity;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/vendors`
SELECT 'CREATE ROLE estore_vendors'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_vendors') \gexec
ALTER ROLE estore_vendors LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_vendors SET search_path = vendors;
SELECT 'CREATE DATABASE estore_vendors OWNER estore_vendors'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_vendors') \gexec
REVOKE ALL ON DATABASE estore_vendors FROM PUBLIC;
\connect estore_vendors
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS vendors AUTHORIZATION estore_vendors;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/catalog`
SELECT 'CREATE ROLE estore_catalog'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_catalog') \gexec
ALTER ROLE estore_catalog LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_catalog SET search_path = catalog;
SELECT 'CREATE DATABASE estore_catalog OWNER estore_catalog'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_catalog') \gexec
REVOKE ALL ON DATABASE estore_catalog FROM PUBLIC;
\connect estore_catalog
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS catalog AUTHORIZATION estore_catalog;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/cart`
SELECT 'CREATE ROLE estore_cart'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_cart') \gexec
ALTER ROLE estore_cart LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_cart SET search_path = cart;
SELECT 'CREATE DATABASE estore_cart OWNER estore_cart'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_cart') \gexec
REVOKE ALL ON DATABASE estore_cart FROM PUBLIC;
\connect estore_cart
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS cart AUTHORIZATION estore_cart;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/orders`
SELECT 'CREATE ROLE estore_orders'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_orders') \gexec
ALTER ROLE estore_orders LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_orders SET search_path = orders;
SELECT 'CREATE DATABASE estore_orders OWNER estore_orders'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_orders') \gexec
REVOKE ALL ON DATABASE estore_orders FROM PUBLIC;
\connect estore_orders
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS orders AUTHORIZATION estore_orders;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/inventory`
SELECT 'CREATE ROLE estore_inventory'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_inventory') \gexec
ALTER ROLE estore_inventory LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_inventory SET search_path = inventory;
SELECT 'CREATE DATABASE estore_inventory OWNER estore_inventory'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_inventory') \gexec
REVOKE ALL ON DATABASE estore_inventory FROM PUBLIC;
\connect estore_inventory
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS inventory AUTHORIZATION estore_inventory;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/payments`
SELECT 'CREATE ROLE estore_payments'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_payments') \gexec
ALTER ROLE estore_payments LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_payments SET search_path = payments;
SELECT 'CREATE DATABASE estore_payments OWNER estore_payments'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_payments') \gexec
REVOKE ALL ON DATABASE estore_payments FROM PUBLIC;
\connect estore_payments
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS payments AUTHORIZATION estore_payments;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/ledger`
SELECT 'CREATE ROLE estore_ledger'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_ledger') \gexec
ALTER ROLE estore_ledger LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_ledger SET search_path = ledger;
SELECT 'CREATE DATABASE estore_ledger OWNER estore_ledger'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_ledger') \gexec
REVOKE ALL ON DATABASE estore_ledger FROM PUBLIC;
\connect estore_ledger
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION estore_ledger;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/reviews`
SELECT 'CREATE ROLE estore_reviews'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_reviews') \gexec
ALTER ROLE estore_reviews LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_reviews SET search_path = reviews;
SELECT 'CREATE DATABASE estore_reviews OWNER estore_reviews'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_reviews') \gexec
REVOKE ALL ON DATABASE estore_reviews FROM PUBLIC;
\connect estore_reviews
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS reviews AUTHORIZATION estore_reviews;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set password `cat /run/secrets/search`
SELECT 'CREATE ROLE estore_search'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'estore_search') \gexec
ALTER ROLE estore_search LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 120 PASSWORD :'password';
ALTER ROLE estore_search SET search_path = search;
SELECT 'CREATE DATABASE estore_search OWNER estore_search'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'estore_search') \gexec
REVOKE ALL ON DATABASE estore_search FROM PUBLIC;
\connect estore_search
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS search AUTHORIZATION estore_search;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
