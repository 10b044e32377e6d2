"""One attempt of a job of Cloud Scheduler: its target is called, and what that begins goes on to its end."""

import base64
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from infra.local.apis.callers import Denied
from infra.local.apis.identity import identity_token
from infra.local.apis.pubsub import publish
from infra.local.cloud import Cloud
from infra.local.events.calls import GOOGLE, Answer, Manner, called
from infra.local.events.publishing import NoTopic, require_topic, topic_project
from infra.local.events.watched import Watched
from infra.local.ports import straight
from infra.local.provider.outputs import project_number
from infra.local.supervisor.ingress import marked

HERE = ("127.0.0.1", "localhost", "::1")


def attempt(cloud: Cloud, schedule: Watched, due: datetime, manner: Manner) -> Answer:
    """Call the target of a schedule that was due at a moment."""
    inputs = schedule.inputs
    if http := inputs.get("httpTarget"):
        return _http(cloud, schedule, http, due, manner)
    if target := inputs.get("pubsubTarget"):
        return _published(cloud, schedule, target)
    return Answer(501, "App Engine is not on this machine")


def _http(cloud: Cloud, schedule: Watched, target: Mapping[str, Any], due: datetime, manner: Manner) -> Answer:
    url, method = str(target["uri"]), str(target.get("httpMethod") or "POST")
    body = base64.b64decode(str(target.get("body") or ""))
    if GOOGLE.match(url) and method == "POST":
        account = str((target.get("oauthToken") or {}).get("serviceAccountEmail") or "")
        return called(cloud, account, url, body, f"schedule {schedule.name}", manner)
    if urlsplit(url).hostname not in HERE:
        return Answer(501, f"{urlsplit(url).hostname} is not on this machine, and nothing leaves it")
    headers = {
        **(target.get("headers") or {}),
        **marked(cloud, url),
        "User-Agent": "Google-Cloud-Scheduler",
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": schedule.name,
        "X-CloudScheduler-ScheduleTime": due.isoformat().replace("+00:00", "Z"),
    }
    if oidc := target.get("oidcToken"):
        account, audience = str(oidc["serviceAccountEmail"]), str(oidc.get("audience") or url)
        headers["Authorization"] = f"Bearer {identity_token(cloud, account, audience)}"
    seconds = float(str(schedule.inputs.get("attemptDeadline") or "180s").rstrip("s"))
    return posted(method, url, headers, body if method in ("POST", "PUT", "PATCH") else None, seconds)


def _published(cloud: Cloud, schedule: Watched, target: Mapping[str, Any]) -> Answer:
    """Publish as Cloud Scheduler's service agent. Its role lets it publish to all topics of its own project:
    cloud.google.com/iam/docs/roles-permissions/cloudscheduler.
    """
    topic = str(target["topicName"])
    agent = f"service-{project_number(schedule.project)}@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
    try:
        data = base64.b64decode(str(target.get("data") or ""), validate=True)
        require_topic(cloud, agent, topic, may=topic_project(topic) == schedule.project)
    except ValueError:
        return Answer(400, "the data are not in Base64")
    except Denied as problem:
        return Answer(403, str(problem))
    except NoTopic as problem:
        return Answer(404, str(problem))
    publish(cloud, topic, data, target.get("attributes") or {})
    return Answer(200, f"published to {topic}")


def posted(method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Answer:
    """The answer of a server on this machine."""
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with straight().open(request, timeout=seconds) as answer:
            return Answer(answer.status, f"{method} {url} answered {answer.status}")
    except urllib.error.HTTPError as problem:
        return Answer(problem.code, f"{method} {url} answered {problem.code}")
    except OSError as problem:
        return Answer(503, f"{method} {url} does not answer ({getattr(problem, 'reason', problem)})")
