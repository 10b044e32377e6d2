# On the `pinned` base: `build` compiles the service's byte code, `job` holds the training job's, `train` is its image, `backfill` that of Dataflow's workers, `serve` (the last, so the default) is the service.
ARG PYTHON_IMAGE=pinned
# What Dockerfile.slim builds; `make image` and the Pulumi program build it first and name it here by digest.
ARG SLIM_IMAGE=orderguard-slim

# A stage of its own, and not the argument's default: Dependabot moves what FROM names. Another PYTHON_IMAGE leaves it out.
FROM docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS pinned

FROM ${PYTHON_IMAGE} AS build
COPY orderguard/ /srv/orderguard/
COPY app/ /srv/app/
# A checkout may be its owner's alone, and the service runs as somebody else.
RUN chmod -R u=rwX,go=rX /srv
# Unchecked hashes instead of time stamps: the file system is read-only in service, and two builds must give the same bytes.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /srv

FROM ${PYTHON_IMAGE} AS job
COPY orderguard/ /srv/orderguard/
COPY ml/ /srv/ml/
COPY data/knowledge/ /srv/data/knowledge/
COPY data/probe-orders/ /srv/data/probe-orders/
RUN chmod -R u=rwX,go=rX /srv

FROM ${PYTHON_IMAGE} AS train
COPY requirements/train.txt /srv/requirements/train.txt
# pip works from an environment beside it, which goes again: its compiled files hold times, so no two builds would be alike.
RUN python3 -m venv --without-pip /opt/train \
 && python3 -m venv /build \
 && /build/bin/python -m pip --python /opt/train/bin/python install --quiet --no-cache-dir --no-compile --require-hashes --only-binary=:all: \
    --requirement /srv/requirements/train.txt \
 && rm -r /build
COPY --from=job /srv/ /srv/
ARG COMMIT=unknown
ENV ORDERGUARD_COMMIT=${COMMIT} PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp
WORKDIR /srv
USER 65532:65532
ENTRYPOINT ["/opt/train/bin/python", "-m", "ml"]

# What Dataflow starts a worker with, of the version that requirements/beam.txt locks (a test holds them together), and what it starts a template with.
FROM docker.io/apache/beam_python3.11_sdk:2.77.0 AS beam
FROM gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00 AS launcher

FROM ${PYTHON_IMAGE} AS backfill
COPY requirements/beam.txt /srv/requirements/beam.txt
RUN python3 -m venv --without-pip /opt/beam \
 && python3 -m venv /build \
 && /build/bin/python -m pip --python /opt/beam/bin/python install --quiet --no-cache-dir --no-compile --require-hashes --only-binary=:all: \
    --requirement /srv/requirements/beam.txt \
 && rm -r /build
COPY --from=beam /opt/apache/beam/ /opt/apache/beam/
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY --from=job /srv/ /srv/
ARG COMMIT=unknown
ENV ORDERGUARD_COMMIT=${COMMIT} PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1 PATH=/opt/beam/bin:${PATH} PYTHONPATH=/srv
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/srv/ml/backfill/template.py
WORKDIR /srv
# No USER: Dataflow's harness writes into folders that its machines mount as root's. It has no shell beyond the container, and no public address.
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM ${SLIM_IMAGE} AS serve
COPY --from=build /srv/ /srv/
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="orderguard" org.opencontainers.image.revision="${COMMIT}"
# In a container the service is reached through its network interface; anywhere else it listens on 127.0.0.1 alone.
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
ENTRYPOINT ["/usr/bin/python", "-m", "app"]
