"""A database that was restarted costs no request."""

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_found_without_asking_it() -> None:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        ConnectionPool.check_connection(other)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [other.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            ConnectionPool.check_connection(other)
