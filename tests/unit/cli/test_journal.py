"""`konan journal verify` looks at everything that is in no table yet."""

from pathlib import Path

from tests.unit.cli.conftest import Konan

from konan.groundtruth import parked


def test_what_waits_is_verified_too(konan: Konan, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    logs = tmp_path / "predictions"
    (logs / "shelf").mkdir(parents=True)
    parked.write(logs / parked.NAME, 3, {})
    verify = ("journal", "verify", "--data-dir", str(tmp_path), "--json")
    good = konan(*verify)
    assert good.code == 0
    assert [one["journal"] for one in good.json["journals"]] == ["shelf", "parked-truth"]
    (logs / "shelf" / "000000000001.shelf").write_bytes(b"nothing")
    (logs / parked.NAME).write_bytes(b"nothing")
    bad = konan(*verify)
    assert bad.code == 1
    assert [one["findings"][0]["kind"] for one in bad.json["journals"]] == ["damage", "damage"]
    assert "000000000001.shelf" in bad.out
