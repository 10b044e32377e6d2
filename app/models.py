"""The model versions in use: the one that answers, and an optional challenger in its shadow.

A version is verified and warmed in full before it takes over, in one assignment. One that can't be used is refused and
named; what was served before goes on being served.
"""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.drift_watch import DriftWatch
from app.logs import LogWriter
from app.memory import settle_memory
from app.metrics import Metrics
from app.past_cases import find
from app.scoring.reading import Reader
from app.settings import CHAMPION, Settings
from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_SET_VERSION
from orderguard.masking.codes import Doubt, known_articles
from orderguard.model_version import MANIFEST, ModelVersionError, champion, model_sha256
from orderguard.scorer import Scorer

WATCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model version that was verified, loaded and warmed."""

    version: str
    folder: Path
    scorer: Scorer
    catalogue: Catalogue
    drift: DriftWatch
    doubt: Doubt
    reader: Reader


def load_model(folder: Path, warm: Callable[[Model], None], expected: str = "") -> Model:
    """Verify, load and warm the version in a folder. `expected` is the SHA-256 of what its manifest says of the model,
    hashes of its files included, where one was told. Raises `ModelVersionError`.
    """
    if not folder.is_dir():
        raise ModelVersionError(f"there is no model version {folder.name} in MODEL_DIR")
    scorer = Scorer.load(folder, threads=1)
    if expected and model_sha256((folder / MANIFEST).read_bytes()) != expected:
        raise ModelVersionError(
            f"{folder.name} is not the model that was deployed under this name: its manifest was changed since; bring "
            "the version's files back, or deploy another"
        )
    catalogue, reader = scorer.catalogue, Reader(scorer.manifest.parameters)
    doubt = known_articles(catalogue.articles)
    model = Model(folder.name, folder, scorer, catalogue, DriftWatch(folder), doubt, reader)
    warm(model)
    return model


class Models:
    """Loads the versions that the settings name, and follows the champion where they don't name one."""

    def __init__(self, settings: Settings, logs: LogWriter, metrics: Metrics, warm: Callable[[Model], None]) -> None:
        self._settings = settings
        self._logs = logs
        self._metrics = metrics
        self._warm = warm
        self._tried: str | None = None
        self._shadow_tried = False
        self._watcher: asyncio.Task[None] | None = None
        self.serving: Model | None = None
        self.shadow: Model | None = None
        self.reason: str | None = "the model is being loaded"
        self.refused: dict[str, str] = {}
        self.looked = asyncio.Event()
        """Set once the wanted version was loaded or refused for the first time."""

    async def start(self) -> None:
        """Begin to load, and to watch for a new champion and for SIGHUP."""
        self._watcher = asyncio.create_task(self._watch())
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.forget_refusals)
        except (RuntimeError, ValueError):
            # Only a main thread has signals; a service inside a test hasn't.
            pass

    async def stop(self) -> None:
        """Stop watching."""
        if self._watcher:
            self._watcher.cancel()

    def forget_refusals(self) -> None:
        """Load the versions again at the next look, even where they are the same or were refused."""
        self._tried, self._shadow_tried = None, False

    async def _watch(self) -> None:
        while True:
            before = self.serving, self.shadow
            try:
                await self.refresh()
            except Exception as error:
                self._logs.failure(error, event="model")
            if not self.looked.is_set():
                # The rest of the start settles the memory.
                self.looked.set()
            elif before != (self.serving, self.shadow):
                await asyncio.to_thread(settle_memory)
            await asyncio.sleep(WATCH_SECONDS)

    def _wanted(self) -> str | None:
        wanted = self._settings.model_version
        return champion(self._settings.model_dir) if wanted == CHAMPION else wanted

    async def refresh(self) -> None:
        """Load what is wanted and not yet served. Never raises for a version that can't be used."""
        wanted = await asyncio.to_thread(self._wanted)
        if wanted is None:
            if self.serving is None:
                self.reason = "MODEL_DIR names no champion: train a model, or set MODEL_VERSION"
            return
        if wanted != self._tried:
            self._tried = wanted
            model = await self._load(wanted)
            if model:
                self.serving, self.reason = model, None
                self._metrics.model.clear()
                self._metrics.model.labels(wanted).set(1)
                self._metrics.ready.set(1)
            elif self.serving is None:
                self.reason = f"model version {wanted} was refused: {self.refused[wanted]}"
        shadow = self._settings.shadow_model_version
        if shadow and self.serving and not self._shadow_tried:
            self._shadow_tried = True
            self.shadow = await self._load(shadow) or self.shadow

    async def _load(self, version: str) -> Model | None:
        own = self._settings.model_sha256 if version == self._settings.model_version else ""
        try:
            model = await asyncio.to_thread(load_model, self._settings.model_dir / version, self._warm, own)
        except ModelVersionError as error:
            self._refuse(version, str(error))
            return None
        except Exception as error:
            self._logs.failure(error, event="model")
            self._refuse(version, f"it can't be loaded ({type(error).__name__})")
            return None
        self.refused.pop(version, None)
        self._logs.service("NOTICE", "model", "A model version is loaded, checked and warm.", model_version=version)
        cases = await asyncio.to_thread(find, self._settings.histories_dir, version, self._settings.keyring)
        if cases.refused:
            self._logs.service(
                "WARNING", "model", "Its past cases can't be used.", model_version=version, reason=cases.told
            )
        return model

    def _refuse(self, version: str, reason: str) -> None:
        self.refused[version] = reason
        self._metrics.model_failures.inc()
        serving = f"; {self.serving.version} keeps serving" if self.serving else ""
        self._logs.service(
            "ERROR", "model", f"A model version was refused{serving}.", model_version=version, reason=reason
        )

    def description(self) -> dict[str, object]:
        """What is loaded, for /v1/model beside the manifest."""
        return {
            "feature_set_version": FEATURE_SET_VERSION,
            "shadow_version": self.shadow.version if self.shadow else None,
            "refused": self.refused,
        }
