"""Files of JSON come back as they were written, or say that they do not."""
from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from paper_models import plan_of, small_recipe

from cosmicnet.training.models import sampling
from cosmicnet.training.models.sampling import SampledRegion
from cosmicnet.training.paper.plan import WAVENUMBERS_FILE
from cosmicnet.training.work.files import DatasetError, read_json, write_json

ENTRIES = {"k": [1e-4, 0.1 + 0.2, 0.3, -0.0], "name": "\u03bb", "nothing": None, "few": {"a": 1, "b": [True]}}


def test_entries_come_back(tmp_path: Path) -> None:
    write_json(tmp_path / "file", ENTRIES)
    assert read_json(tmp_path / "file") == ENTRIES
    write_json(tmp_path / "file", {"loss": math.nan})
    assert math.isnan(read_json(tmp_path / "file")["loss"])


def test_brackets_beyond_counting_are_damage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(100_000 * "[")
    with pytest.raises(ValueError, match="nested"):
        read_json(tmp_path / "file")


def test_every_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_json(path, ENTRIES)
    content, noticed = path.read_bytes(), 0
    for position in range(8 * len(content)):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        try:
            # between the entries there is room that means nothing
            assert read_json(path) == ENTRIES
        except ValueError:
            noticed += 1
    assert noticed > 0.7 * 8 * len(content)


@pytest.mark.parametrize("text", ["[1, 2]", "null", "3", "", "{}", "{", '{"k": [1.0]}'])
def test_json_of_another_kind_is_no_file_of_ours(tmp_path: Path, text: str) -> None:
    plan = plan_of(small_recipe(), tmp_path)
    plan.models.mkdir()
    (plan.models / WAVENUMBERS_FILE).write_text(text)
    with pytest.raises(ValueError):
        read_json(plan.models / WAVENUMBERS_FILE)
    with pytest.raises(DatasetError):
        _ = plan.k


@pytest.mark.parametrize("damage", ["[1, 2]", "null", "", "a digit"])
def test_damaged_values_are_derived_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(sampling, "_derive", lambda parameters, names: [parameters["H0"] / 64.0])
    cache, points = tmp_path / "derived.json", [{"H0": 64.0}, {"H0": 67.0}]

    def inside() -> list[bool]:
        region = SampledRegion({"H0": (60.0, 70.0)}, derived={"100*theta_s": (1.04, 1.05)})
        kept = sampling._with_derived(points, region, cache)
        return [point in kept for point in points]

    assert inside() == [False, True]
    whole = cache.read_text()
    cache.write_text(json.dumps(json.loads(whole)).replace("1.046875", "1.146875") if damage == "a digit" else damage)
    assert inside() == [False, True]
    assert cache.read_text() == whole
