"""The Storage API of a cloud, answering in this process, and Google's own client for it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from infra.local.apis.app import make_app
from infra.local.apis.identity import OWNER, Identity, door_of
from infra.local.cloud import Cloud
from infra.local.ports import free_port
from tests.local_cloud.conftest import Asker, until

ACCOUNT = "web@a-project.iam.gserviceaccount.com"


class Api:
    """A cloud and the address of its interfaces."""

    def __init__(self, cloud: Cloud, port: int) -> None:
        self.cloud, self.ask = cloud, Asker(cloud)
        self.port = port

    def address(self, account: str = OWNER) -> str:
        """Where an account asks; without one, where nobody is known."""
        place = f"http://127.0.0.1:{self.port}"
        return f"{place}/i/{door_of(self.cloud, Identity(account, 'a-project'))}" if account else place

    def client(self, account: str = OWNER) -> Any:
        """Google's client, as STORAGE_EMULATOR_HOST leads it here."""
        options = {"api_endpoint": self.address(account)}
        return storage.Client(project="a-project", credentials=AnonymousCredentials(), client_options=options)

    def declare(self, name: str, **settings: Any) -> Any:
        """A bucket of the program's; Google's client of it."""
        inputs = {"name": name, "location": "EU", "uniformBucketLevelAccess": True, "forceDestroy": True, **settings}
        self.ask.create("gcp:storage/bucket:Bucket", inputs, name)
        return self.client().bucket(name)

    def grant(self, bucket: str, role: str, member: str = f"serviceAccount:{ACCOUNT}") -> None:
        """Give a role on a bucket."""
        binding = {"bucket": bucket, "role": role, "member": member}
        self.ask.create("gcp:storage/bucketIAMMember:BucketIAMMember", binding, f"{bucket}-{role}-{member}")


@contextmanager
def answering(cloud: Cloud) -> Iterator[Api]:
    """Answer until the end of the block."""
    port = free_port()
    told: Mapping[str, Any] = {"lifespan": "off", "log_level": "warning", "timeout_graceful_shutdown": 1}
    server = uvicorn.Server(uvicorn.Config(make_app(cloud), host="127.0.0.1", port=port, **told))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield Api(cloud, port)
    finally:
        server.should_exit = True
        thread.join()


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
