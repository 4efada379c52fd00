"""Pages carry the admin's policy; what is no page may load nothing at all."""

import pytest
from django.test import Client

HEADER = "Content-Security-Policy"


@pytest.mark.django_db
def test_a_page_may_run_its_own_scripts_alone() -> None:
    policy = Client().get("/admin/login/").headers[HEADER]
    assert "script-src 'self'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert "frame-ancestors 'none'" in policy


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health", "/api/v1/tasks", "/api/v1/openapi.json"])
def test_json_may_load_nothing(path: str) -> None:
    assert Client().get(path).headers[HEADER] == "default-src 'none'; frame-ancestors 'none'"
