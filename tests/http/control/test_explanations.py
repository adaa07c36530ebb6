"""Explanations over HTTP: whose predictions may be explained."""

import pytest
from tests.http.control.rig import Rig
from tests.http.control.test_predictions import answered

ASK = "/v1/explanations"


@pytest.mark.parametrize("flushed", [False, True])
def test_a_prediction_of_another_project_is_not_there(rig: Rig, flushed: bool) -> None:
    key = rig.key()
    (entry,) = answered(rig, rig.live(key).uuid, 1.0)
    if flushed:
        rig.services.predictions.flusher.flush()
    asked = {"prediction_id": entry.ids[0]}
    for named in ({}, {"deployment": "bikes"}):
        assert rig.call("POST", ASK, rig.key(project="p2"), json={**asked, **named}).status_code == 404
    own = rig.call("POST", ASK, key, json=asked)  # is found, but no model was ever certified here
    assert (own.status_code, own.json()["code"]) == (409, "conflict")


def test_a_prediction_of_another_deployment_is_not_there(rig: Rig) -> None:
    key = rig.key()
    (entry,) = answered(rig, rig.live(key).uuid, 1.0)
    rig.live(key, "cars")
    asked = {"prediction_id": entry.ids[0], "deployment": "cars"}
    assert rig.call("POST", ASK, key, json=asked).status_code == 404
