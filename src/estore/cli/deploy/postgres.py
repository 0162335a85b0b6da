"""A database and a role for every service, as a psql script that may be run again: before every start.

Prevents: a service that can read another's tables, and one that was added later and has no database. Passwords are
read from files when the script runs; none is in it.
"""

from __future__ import annotations

from estore.cli.compose import SERVICES

CONNECTIONS = 120
"""Of one service, all its processes together: a service that runs wild must not lock the others out."""


def database(service: str) -> str:
    """Return the name of the database of `service`, which is its role's as well."""
    return f"estore_{service}"


def script(folder: str = "/run/secrets") -> str:
    """Return the script. folder: has a file with the password of each service's role, named after the service."""
    return _HEAD + "".join(
        _SERVICE % {"name": service, "role": database(service), "folder": folder, "connections": CONNECTIONS}
        for service in SERVICES
    )


_HEAD = """\
-- Generated from the services there are: python -m estore.cli.deploy
-- Run by an administrator, with psql, as often as one likes: it makes what is missing and sets what has changed.
\\set ON_ERROR_STOP on
SET client_min_messages = warning;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
"""

_SERVICE = """
\\set password `cat %(folder)s/%(name)s`
SELECT 'CREATE ROLE %(role)s'
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%(role)s') \\gexec
ALTER ROLE %(role)s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT %(connections)s PASSWORD :'password';
ALTER ROLE %(role)s SET search_path = %(name)s;
SELECT 'CREATE DATABASE %(role)s OWNER %(role)s'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%(role)s') \\gexec
REVOKE ALL ON DATABASE %(role)s FROM PUBLIC;
\\connect %(role)s
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS %(name)s AUTHORIZATION %(role)s;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""
