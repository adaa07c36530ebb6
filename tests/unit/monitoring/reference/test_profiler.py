"""References are made from what was given at deploy, in a process of its own, with everything real."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from tests.unit.monitoring.reference.test_reference import REGRESSOR
from tests.unit.packaging import test_crossfit as fitted
from tests.unit.packaging.test_crossfit import NAMES, certified, classified
from tests.unit.packaging.test_register import Server

from konan.monitoring.profiles.profile import LABEL, SCORE, TARGET
from konan.monitoring.reference import reference
from konan.monitoring.reference.profiler import Profiler
from konan.packaging.register import Registrar
from konan.records.deployments import Reference, Version

server = fitted.server


def referred(server: Server, version: Version, scored: Reference) -> Reference:
    profiler = Profiler(server.blobs, server.paths, server.settings)
    return asyncio.run(profiler(version, scored))


def known(server: Server, version: Version, made: Reference) -> reference.Reference:
    found = reference.load(server.blobs, msgspec.structs.replace(version, reference=made))
    assert found is not None
    return found


def forest(rows: pd.DataFrame) -> RandomForestClassifier:
    return RandomForestClassifier(20, random_state=0).fit(rows[NAMES], rows["y"])


def test_a_forest_is_not_compared_with_what_it_says_of_its_own_rows(server: Server, tmp_path: Path) -> None:
    rows = classified()
    model = forest(rows)
    version = certified(server, tmp_path, model, rows)
    profiler = Profiler(server.blobs, server.paths, server.settings)
    registrar: Any = server.registrar
    server.registrar = Registrar(
        server.store, server.blobs, server.paths, server.settings, registrar._builder.start, profiler
    )
    made = asyncio.run(server.registrar.reference(version))
    assert (made.source, made.rows, made.inputs) == ("cross-fitted", 400, 400)
    found = known(server, version, made)
    assert list(found.layout.positions) == [*(f"features.{name}" for name in NAMES), LABEL, SCORE, TARGET]
    scores = found.layout.cells(SCORE)
    own = model.predict_proba(rows[NAMES])[:, 1]
    counts = found.profile.counts[found.layout.positions[SCORE]]
    fresh = scores.count(pa.array(own))
    assert counts.sum() == 400
    assert abs(counts - fresh).sum() / 800 > 0.15  # its own rows look otherwise: surer
    again = asyncio.run(server.registrar.reference(msgspec.structs.replace(version, reference=made)))
    assert again == made


def test_without_a_target_the_inputs_are_known_and_answers_are_learning(
    server: Server, tmp_path: Path
) -> None:
    rows = classified(60)
    version = certified(server, tmp_path, forest(rows), rows, target="")
    made = referred(server, version, Reference())
    assert (made.source, made.rows, made.inputs) == ("learning", 0, 60)
    found = known(server, version, made)
    assert found.learning
    assert found.profile.rows == 60
    assert list(server.paths.uploads.iterdir()) == []


def test_rows_that_are_gone_make_no_profile(server: Server, tmp_path: Path) -> None:
    rows = classified(60)
    version = certified(server, tmp_path, forest(rows), rows, target="")
    server.blobs.remove(version.datasets[0].sha256)
    assert referred(server, version, Reference()) == Reference()
    assert reference.load(server.blobs, version) is None


def test_a_reference_from_live_rows_is_kept_with_its_version(server: Server) -> None:
    values = np.arange(50.0)
    rows = pa.table({"features.x": values, "output.value": values, "target": values + 1})
    found = reference.learned(None, REGRESSOR, rows, needed=40)
    assert found is not None
    noted = reference.keep(server.blobs, found, Reference())
    assert (noted.source, noted.rows, noted.inputs) == ("live", 40, 40)
    version = Version(uuid="u", deployment="d", version=1, state="live", created_at="", flavor="python")
    assert known(server, version, noted) == found


@pytest.mark.parametrize(
    "module", ["konan.monitoring.reference.profiler", "konan.monitoring.reference.summary"]
)
def test_making_loads_no_numbers_into_control(module: str) -> None:
    code = f"import {module}, sys; print(sorted({{'numpy', 'pyarrow', 'pandas'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
