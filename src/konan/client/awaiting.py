"""The SDK for code that runs on asyncio; the same methods as `konan.client.Client`, awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self, Unpack, overload

from konan.backup.reading import Contents
from konan.client import backups, erasing, logged, measuring, monitored, reporting, steps
from konan.client.address import find
from konan.client.alarmed import AsyncAlarms
from konan.client.explained import AsyncExplanations
from konan.client.labels import AsyncLabels
from konan.client.logged import Filters
from konan.client.measured import AsyncMeasures
from konan.client.measuring import Performing
from konan.client.monitored import DriftWindowing, OneWindow, Windowing
from konan.client.operated import AsyncOperations
from konan.client.rows import chunks
from konan.client.senders import AsyncSender, Sender
from konan.client.switched import AsyncLive
from konan.client.upload import Archive, DeployOptions
from konan.records.access import Key
from konan.records.deployments import Deployment, Version
from konan.records.erasure import Erasure
from konan.records.logged import LoggedPrediction
from konan.records.monitoring import DriftReport, MultivariateDrift, QualityReport
from konan.records.performance import PerformanceReport
from konan.records.predictions import FeedbackResult, Prediction
from konan.records.retention import Retention


class AsyncClient:
    """Calls a Konan server and awaits its answers.

    Close it, or use it in an ``async with``. Every method raises errors of
    `konan.errors`: `Unreachable` when no
    server answers, else the class that belongs to the server's error code.

    Args:
        url: address of the server, else ``KONAN_URL``, else the local profile's.
        key: API key, else ``KONAN_API_KEY``, else the profile's when it was made for that address.

    Raises:
        Unreachable: no address is known.
        Usage: the address or the key cannot be one.
    """

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self._sender = AsyncSender(find(url, key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    @property
    def alarms(self) -> AsyncAlarms:
        """Alarms, and who is told of them."""
        return AsyncAlarms(self._sender)

    @property
    def explanations(self) -> AsyncExplanations:
        """Why versions answer as they do."""
        return AsyncExplanations(self._sender)

    @property
    def labels(self) -> AsyncLabels:
        """How sound ground truth is, and which rows need it next."""
        return AsyncLabels(self._sender)

    @property
    def live(self) -> AsyncLive:
        """Which version answers, and which did when."""
        return AsyncLive(self._sender)

    @property
    def measures(self) -> AsyncMeasures:
        """What answers are worth, and people's own metrics."""
        return AsyncMeasures(self._sender)

    @property
    def operations(self) -> AsyncOperations:
        """How deployments and their server run."""
        return AsyncOperations(self._sender)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._sender.address.url

    async def deploy(self, name: str, model: Any, **options: Unpack[DeployOptions]) -> Version:
        """Make a model a new version of a deployment, and the deployment if there is none.

        Args:
            name: of the deployment.
            model: file or folder of a model, or a fitted model in memory.
            **options: see `DeployOptions`.

        Returns:
            The version: live, or still building when ``wait`` is false.

        Raises:
            GateFailed: the version failed; the notes hold the model's own traceback.
            ModelFileInvalid: the file is not a model that Konan knows.
        """
        with Archive(model, options) as archive:
            return await self._sender.walk(
                steps.deploy(name, archive, wait=options.get("wait", True), progress=options.get("progress"))
            )

    @overload
    async def predict(self, name: str, rows: Mapping[str, Any], version: int | None = None) -> Prediction: ...
    @overload
    async def predict(self, name: str, rows: Any, version: int | None = None) -> list[Prediction]: ...
    async def predict(self, name: str, rows: Any, version: int | None = None) -> Any:
        """Predict one row, or several in one request.

        Args:
            name: of the deployment.
            rows: a mapping of features, or a table or list of them.
            version: number of a version other than the live one.

        Returns:
            A `Prediction` for a mapping, else a list of them in the order of the rows.

        Raises:
            RowsInvalid: the rows do not fit the schema; ``faults`` says where.
        """
        return await self._sender.walk(steps.predict(name, rows, version))

    async def predict_many(
        self,
        name: str,
        rows: Any,
        version: int | None = None,
    ) -> AsyncIterator[Prediction]:
        """Predict any number of rows in requests of at most 1,000, as they are read.

        Args:
            name: of the deployment.
            rows: a table, or an iterable of rows or of batches of them.
            version: number of a version other than the live one.

        Yields:
            Predictions in the order of the rows.
        """
        for chunk in chunks(rows):
            for prediction in await self._sender.walk(steps.predictions(name, chunk, version)):
                yield prediction

    async def feedback(self, name: str, items: Any) -> list[FeedbackResult]:
        """Send the true values of predictions; sending one again changes nothing.

        Args:
            name: of the deployment.
            items: a `Feedback` each, or a mapping with ``prediction_id`` (or ``key``), ``target`` and, where
                it is known, ``observed_at``; or a table with these columns. Any number: they are sent in
                requests of at most 50,000.

        Returns:
            What became of each, in their order.
        """
        return await self._sender.walk(steps.feedback(name, items))

    async def predictions(self, name: str, **filters: Unpack[Filters]) -> AsyncIterator[LoggedPrediction]:
        """What was predicted, newest first, read page by page as it is used.

        Args:
            name: of the deployment.
            **filters: see `konan.client.logged.Filters`.
        """
        cursor: str | None = None
        while True:
            page = await self._sender.walk(logged.page(name, filters, cursor))
            for prediction in page.predictions:
                yield prediction
            cursor = page.next
            if cursor is None:
                return

    async def prediction(self, name: str, prediction_id: str) -> LoggedPrediction:
        """One logged prediction by its id."""
        return await self._sender.walk(logged.prediction(name, prediction_id))

    async def predictions_table(self, name: str, **filters: Unpack[Filters]) -> Any:
        """What was predicted as a ``pyarrow.Table`` with a column per feature; ``.to_pandas()`` works.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        return await self._sender.walk(logged.table(name, filters))

    async def export_predictions(self, name: str, path: str | Path, **filters: Unpack[Filters]) -> None:
        """Write what was predicted to a file: .csv, .jsonl or .parquet.

        Raises:
            Usage: the file has another suffix.
        """
        await self._sender.save(logged.export(name, logged.form_of(Path(path)), filters), Path(path))

    async def sql(self, query: str, rows: int | None = None) -> Any:
        """The answer to a query over the prediction log, as a ``pyarrow.Table``.

        Args:
            query: one SELECT in DuckDB's SQL; each deployment is a table of its name.
            rows: most rows of the answer.

        Raises:
            Invalid: the query is wrong, or asks for what is not there.
            MissingExtra: pyarrow is not installed; `sql_rows` does without.
        """
        return await self._sender.walk(logged.sql_table(query, rows))

    async def sql_rows(self, query: str, rows: int | None = None) -> logged.SqlAnswer:
        """The answer to a query over the prediction log, as lists."""
        return await self._sender.walk(logged.sql(query, rows))

    async def backup(self, path: str | Path, progress: Callable[[int], None] = lambda _: None) -> Contents:
        """Download everything of the server as one archive; see `Client.backup`.

        ``progress`` is called in another thread.
        """
        return await asyncio.to_thread(
            self._streamed, lambda parts: backups.save(parts, Path(path), progress)
        )

    async def backup_to(self, file: BinaryIO, progress: Callable[[int], None] = lambda _: None) -> Contents:
        """Write everything of the server to an open file as one archive, in another thread; see `backup`."""
        return await asyncio.to_thread(self._streamed, lambda parts: backups.pass_on(parts, file, progress))

    def _streamed(self, take: Callable[[Iterator[bytes]], Contents]) -> Contents:
        """A backup as it comes; files are written in between, so this blocks."""
        sender = Sender(self._sender.address)
        try:
            with sender.stream(backups.request()) as parts:
                return take(parts)
        finally:
            sender.close()

    async def drift(self, name: str, **windowing: Unpack[DriftWindowing]) -> DriftReport:
        """How live rows compare with the reference: significance, effect and noise floor of each column.

        Args:
            name: of the deployment.
            **windowing: see `konan.client.monitored.DriftWindowing`; else the last 24 hours as a whole.

        Raises:
            Invalid: there is no such version or segment column, or a time or window is not one.
        """
        return await self._sender.walk(monitored.drift(name, windowing))

    async def multivariate_drift(self, name: str, **window: Unpack[OneWindow]) -> MultivariateDrift:
        """Whether a classifier can tell live rows from those given at deploy, and by which inputs.

        It reads rows, so it takes seconds; the server does one at a time.

        Args:
            name: of the deployment.
            **window: see `konan.client.monitored.OneWindow`; else the last 24 hours.

        Raises:
            NotReady: no rows were given at deploy, or no version is live.
            DeadlineExceeded: it took too long.
        """
        return await self._sender.walk(monitored.multivariate_drift(name, window))

    async def quality(self, name: str, **windowing: Unpack[Windowing]) -> QualityReport:
        """What is wrong with the rows that a deployment is sent; arguments and errors as of `drift`."""
        return await self._sender.walk(monitored.quality(name, windowing))

    async def performance(self, name: str, **performing: Unpack[Performing]) -> PerformanceReport:
        """How good the answers were, by the truths that came; see `konan.client.Client.performance`."""
        return await self._sender.walk(measuring.performance(name, performing))

    async def deployments(self) -> list[Deployment]:
        """All deployments that the key sees."""
        return await self._sender.walk(steps.deployments())

    async def deployment(self, name: str) -> Deployment:
        """One deployment."""
        return await self._sender.walk(steps.deployment(name))

    async def versions(self, name: str) -> list[Version]:
        """All versions of a deployment, newest first."""
        return await self._sender.walk(steps.versions(name))

    async def version(self, name: str, number: int) -> Version:
        """One version of a deployment."""
        return await self._sender.walk(steps.version(name, number))

    async def retention(self, name: str) -> Retention:
        """For how many days a deployment's rows are kept, and what went because of its age."""
        return await self._sender.walk(erasing.retention(name))

    async def logs(
        self,
        name: str,
        version: int | None = None,
        lines: int | None = None,
        **searched: Unpack[steps.LogSearch],
    ) -> steps.Log:
        """The newest lines that a version wrote; of the live one unless a number is given.

        Args:
            name: of the deployment.
            version: its number.
            lines: most lines, else 100.
            **searched: see `konan.client.steps.LogSearch`.
        """
        return await self._sender.walk(steps.logs(name, version, lines, searched))

    async def report(
        self, name: str, since: str | None = None, until: str | None = None, version: int | None = None
    ) -> bytes:
        """Traffic, drift, quality, performance and alarms as one page; see `konan.client.Client.report`."""
        return await self._sender.walk(reporting.report(name, since, until, version))

    async def openapi(self, name: str) -> dict[str, Any]:
        """The OpenAPI document of a deployment, typed for its model; a key that may predict may read it."""
        return await self._sender.walk(steps.openapi(name))

    async def create_key(
        self,
        name: str,
        scopes: Iterable[str],
        deployments: Iterable[str] = (),
        expires_days: int | None = None,
    ) -> steps.NewKey:
        """Make an API key; its text is in the answer and nowhere else."""
        return await self._sender.walk(steps.create_key(name, scopes, deployments, expires_days))

    async def keys(self) -> list[Key]:
        """All keys of the project, revoked ones included."""
        return await self._sender.walk(steps.keys())

    async def revoke_key(self, key_id: str) -> Key:
        """Revoke a key by its public id; it is refused everywhere within a second."""
        return await self._sender.walk(steps.revoke_key(key_id))

    async def erase(
        self,
        subject: str | float | bool,  # noqa: FBT001 - a value of the subject column
        deployments: Iterable[str] = (),
        *,
        wait: bool = False,
        progress: erasing.Progress | None = None,
    ) -> Erasure:
        """Erase everything about one person that was answered by now.

        Args:
            subject: the person's value in the declared subject column, or its hash as the log shows it.
            deployments: their names; none means all that say whom their rows are about.
            wait: whether to return only when it is done.
            progress: told how far it is.
        """
        return await self._sender.walk(erasing.erase(subject, deployments, wait=wait, progress=progress))

    async def erasure(self, erasure_id: str) -> Erasure:
        """One erasure."""
        return await self._sender.walk(erasing.erasure(erasure_id))

    async def erasures(self) -> list[Erasure]:
        """All erasures, newest first."""
        return await self._sender.walk(erasing.erasures())

    async def system(self) -> steps.System:
        """How the server is."""
        return await self._sender.walk(steps.system())
