"""Explanations on demand, through a worker of the version's own that gives way to predictions.

One is made at a time. numpy is loaded when somebody asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from konan.errors import Conflict, GateFailed, Invalid, ModelFailed, NotFound, NotReady
from konan.packaging.golden import Row
from konan.packaging.trial import Form, ModelRaised, Trial
from konan.ports import DeploymentStore
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.deployments import Deployment, Version
from konan.records.explanations import BackgroundSource, Explanation, ExplanationRequest, Importance
from konan.records.logged import LoggedPrediction
from konan.records.private import treatments
from konan.records.schema import Schema

if TYPE_CHECKING:
    from konan.monitoring.explanation.playing import Effort, Played

SECONDS = 90.0
"""What the model may take in all."""

_WAITING = 4
_DEPLOYMENTS = 1000
_COMPANY_OF_ONE = 2_000
"""A model whose rows depend on each other is asked row by row, hence no more often than this."""

Result = TypeVar("Result")


class Asks(Protocol):
    """What asks versions beside their traffic (`konan.packaging.register.Registrar`)."""

    async def ask(self, version: Version, seconds: float, work: Callable[[Trial], Result]) -> Result:
        """Let some work ask a worker of the version's own."""
        ...

    async def given_rows(self, version: Version, most: int) -> tuple[BackgroundSource, list[Row]]:
        """Some of the rows that a version was given at deploy."""
        ...


class _Question(NamedTuple):
    """What is explained.

    Attributes:
        deployment: whose.
        version: certified.
        schema: of the version.
        inputs: the row's values by name.
        logged: the prediction, if it is one.
    """

    deployment: Deployment
    version: Version
    schema: Schema
    inputs: dict[str, Any]
    logged: LoggedPrediction | None


class Explaining:
    """Explains predictions and versions; belongs to the running event loop.

    Args:
        store: the metadata.
        predictions: the log.
        asks: asks versions.
    """

    def __init__(self, store: DeploymentStore, predictions: Predictions, asks: Asks) -> None:
        self._store = store
        self._predictions = predictions
        self._asks = asks
        self._one = asyncio.Lock()
        self._waiting = 0

    async def explain(self, caller: Principal, asked: ExplanationRequest) -> Explanation:
        """Why a version answers a row as it does.

        Args:
            caller: who asks.
            asked: what.

        Raises:
            Invalid: it is not clear what is asked, or there is no such output.
            RowsInvalid: a row does not fit the schema.
            NotFound: the caller sees no such prediction, deployment or version.
            Conflict: the log does not have the row as it came, or there is nothing to compare with.
            NotReady: no version is live, or too many wait for explanations.
            ModelFailed: the model raised, died or did not answer in time.
        """
        from konan.monitoring.explanation import telling
        from konan.monitoring.explanation.checking import Checked
        from konan.monitoring.explanation.playing import Effort

        question = await asyncio.to_thread(self._question, caller, asked)
        checked = Checked(question.schema)
        (row,) = checked.rows(question.inputs)
        effort = Effort(asked.rows, asked.evaluations, _together(question.version), asked.seed)
        if asked.background is not None:
            given = checked.rows(asked.background)

            async def background() -> tuple[BackgroundSource, list[Row]]:
                return "given", given

        else:

            async def background() -> tuple[BackgroundSource, list[Row]]:
                return await self._background(question.deployment, question.version, asked.rows)

        source, played = await self._play(question.version, [row], background, effort)
        return telling.explanation(
            question.version, question.inputs, question.logged, asked.output, source, played
        )

    async def importance(
        self, caller: Principal, name: str, number: int | None, output: str | None, effort: "Effort"
    ) -> Importance:
        """Which inputs matter to a version, over rows that are like its data.

        Args:
            caller: who asks.
            name: of the deployment.
            number: of the version; None is the live one.
            output: which output; None is the average over all.
            effort: ``rows`` are explained, each against a quarter as many.

        Raises:
            Invalid: there is no such output.
            NotFound: the caller sees no such deployment or version.
            Conflict: there are no rows to explain.
            NotReady: no version is live, or too many wait for explanations.
            ModelFailed: the model raised, died or did not answer in time.
        """
        from konan.monitoring.explanation import telling

        deployment, version = await asyncio.to_thread(self._version, caller, name, number)

        async def background() -> tuple[BackgroundSource, list[Row]]:
            return await self._background(deployment, version, 2 * effort.rows)

        effort = effort._replace(together=_together(version))
        source, played = await self._play(version, None, background, effort)
        return telling.importance(version, output, source, played)

    async def _play(
        self,
        version: Version,
        rows: list[Row] | None,
        background: Callable[[], Awaitable[tuple[BackgroundSource, list[Row]]]],
        effort: "Effort",
    ) -> tuple[BackgroundSource, "Played"]:
        """Explain rows, or every second one of the background itself, against the others."""
        from konan.monitoring.explanation.playing import play

        if self._waiting >= _WAITING:
            raise NotReady("Other explanations are being made.", retry_after=10)
        self._waiting += 1
        try:
            async with self._one:
                source, others = await background()
                if rows is None and len(others) > 1:
                    rows, others = others[::2], others[1::2]
                    effort = effort._replace(rows=max(1, effort.rows // 4))
                if not rows or not others:
                    raise _nothing_to_compare(version)
                form, chosen = _form(version), rows
                effort = effort if effort.together else effort._replace(evaluations=_COMPANY_OF_ONE)
                return source, await self._asks.ask(
                    version, SECONDS, lambda trial: play(trial, form, chosen, others, effort)
                )
        except GateFailed as failed:
            raised = isinstance(failed.__cause__, ModelRaised)
            hint = "It was asked rows mixed of real ones, which may not exist." if raised else failed.hint
            raise ModelFailed(failed.message, hint=hint) from failed
        finally:
            self._waiting -= 1

    def _question(self, caller: Principal, asked: ExplanationRequest) -> _Question:
        if (asked.prediction_id is None) == (asked.row is None):
            raise Invalid("Either a prediction_id or a row is explained.")
        if asked.row is not None:
            if asked.deployment is None:
                raise Invalid("A row is explained for a deployment.", hint="Name the deployment.")
            deployment, version = self._version(caller, asked.deployment, asked.version)
            return _Question(deployment, version, _schema(version), asked.row, None)
        deployment, logged = self._logged(caller, str(asked.prediction_id), asked.deployment)
        _, version = self._version(caller, deployment.name, logged.version)
        hidden = _private(_schema(version))
        if hidden:
            raise Conflict(
                f"The log does not have the row as it came; private columns: {', '.join(hidden[:10])}.",
                hint="Give the row itself.",
            )
        if asked.version is not None:
            _, version = self._version(caller, deployment.name, asked.version)
        return _Question(deployment, version, _schema(version), logged.features, logged)

    def _logged(
        self, caller: Principal, prediction: str, name: str | None
    ) -> tuple[Deployment, LoggedPrediction]:
        if name is None:
            deployments = self._store.list_deployments(caller, _DEPLOYMENTS)
        else:
            deployments = [self._store.deployment(caller, name)]
        for deployment in deployments:
            try:
                found = self._predictions.log.one(deployment.uuid, prediction)
            except NotFound:
                continue
            return deployment, self._predictions.records(deployment.uuid, found)[0]
        raise NotFound("There is no such prediction.")

    def _version(self, caller: Principal, name: str, number: int | None) -> tuple[Deployment, Version]:
        deployment = self._store.deployment(caller, name)
        wanted = deployment.live_version if number is None else number
        if wanted is None:
            raise NotReady("The deployment has no live version yet.")
        version = self._store.version(caller, name, wanted)
        _schema(version)
        return deployment, version

    async def _background(
        self, deployment: Deployment, version: Version, most: int
    ) -> tuple[BackgroundSource, list[Row]]:
        source, rows = await self._asks.given_rows(version, most)
        if rows:
            return source, rows
        return "log", await asyncio.to_thread(self._answered, deployment, version, most)

    def _answered(self, deployment: Deployment, version: Version, most: int) -> list[Row]:
        """The newest rows that a version answered, unless the log has them otherwise than they came."""
        from konan.monitoring.explanation.checking import Checked
        from konan.predictions.filters import Filters, Want

        schema = _schema(version)
        if _private(schema):
            return []
        log = self._predictions
        found = log.log.page(deployment.uuid, Want(Filters(version=version.version)), most)
        return Checked(schema).fitting(one.features for one in log.records(deployment.uuid, found))


def _schema(version: Version) -> Schema:
    if version.schema is None or version.certificate is None or not version.package:
        raise Conflict("The version is not certified, so it cannot be asked.")
    return version.schema


def _form(version: Version) -> Form:
    schema = _schema(version)
    given = version.certificate.input if version.certificate else "frame"
    return Form(schema.features, schema.output, given)


def _together(version: Version) -> bool:
    return version.certificate is not None and version.certificate.row_independent


def _private(schema: Schema) -> list[str]:
    """The inputs that the log does not have as they came."""
    hidden = treatments(schema)
    return [feature.name for feature in schema.features if feature.name in hidden]


def _nothing_to_compare(version: Version) -> Conflict:
    hint = "Deploy with --data or --holdout, send predictions first, or give background rows."
    if _private(_schema(version)):
        hint = "Neither the log nor the given rows are kept as they came, as there are private columns: "
        hint += "explain a row and give background rows."
    return Conflict("There are no rows to compare with.", hint=hint)
