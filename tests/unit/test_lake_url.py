"""`lake_url` taken apart."""

from pathlib import Path

import pytest

from benchling_connector.adapters.lake.address import (
    BucketAddress,
    FolderAddress,
    parse_lake_url,
)
from benchling_connector.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///data/lake", "/data/lake"),
        ("file://localhost/data/lake/", "/data/lake"),
        ("file:///data/a%20lake/50%25", "/data/a lake/50%"),
        ("file:///data/a lake/50%", "/data/a lake/50%"),
        ("file:///data/what?/no#1", "/data/what?/no#1"),
    ],
)
def test_a_folder_is_percent_decoded(url, folder):
    assert parse_lake_url(url) == FolderAddress(Path(folder))


def test_a_folder_may_be_relative(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert parse_lake_url("file://./data/lake") == FolderAddress(tmp_path / "data" / "lake")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket", BucketAddress("s3", "bucket", "")),
        ("s3://bucket/", BucketAddress("s3", "bucket", "")),
        ("s3://bucket/raw/benchling/", BucketAddress("s3", "bucket", "raw/benchling")),
        ("s3://bucket/a%20b", BucketAddress("s3", "bucket", "a%20b")),
        ("gs://bucket/raw", BucketAddress("gs", "bucket", "raw")),
        ("az://container/raw", BucketAddress("az", "container", "raw")),
    ],
)
def test_a_prefix_is_a_key_as_it_stands(url, expected):
    assert parse_lake_url(url) == expected


def test_a_key_stands_below_the_prefix():
    assert BucketAddress("s3", "bucket", "raw").key("a/b.json") == "raw/a/b.json"
    assert BucketAddress("s3", "bucket", "").key("a/b.json") == "a/b.json"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/data/lake",
        "https://bucket.s3.amazonaws.com/",
        "file://data/lake",
        "file:///",
        "file:/data/lake",
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/prefix",
        "s3://bucket/a//b",
        "s3://bucket/../b",
    ],
)
def test_what_is_no_lakes_url_is_said_so(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_lake_url(url)
    assert caught.value.code == "lake-not-found"
    assert "secret" not in caught.value.sentence
