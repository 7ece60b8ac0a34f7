# syntax=docker/dockerfile:1
# Switchyard in containers: docs/containers.md. Targets: router, aistudio, webai, and all (everything under supervisord).
# One volume holds what must live: /var/lib/switchyard. The root file system may be read-only; /tmp must be a tmpfs then.
# Tags are exact; digests are for whoever builds to add, since they differ between registries and mirrors.

FROM python:3.12.8-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
    HOME=/var/lib/switchyard \
    SWITCHYARD_CONFIG=/var/lib/switchyard/config/config.yaml \
    SWITCHYARD__SERVER__STATE_DIR=/var/lib/switchyard/state \
    SWITCHYARD__AUTH__DIR=/var/lib/switchyard/accounts
RUN groupadd --gid 10001 switchyard \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/switchyard --no-create-home --shell /usr/sbin/nologin switchyard \
    && install -d -o switchyard -g switchyard -m 0700 /var/lib/switchyard
WORKDIR /srv/switchyard
COPY requirements/ requirements/

FROM base AS router-packages
RUN python -m venv .venv && .venv/bin/pip install --require-hashes -r requirements/router.txt

FROM base AS aistudio-packages
RUN python -m venv .venvs/aistudio && .venvs/aistudio/bin/pip install --require-hashes -r requirements/aistudio.txt

FROM base AS webai-packages
# EXTRAS: gemini (AGPL-3.0), g4f (GPL-3.0), browser (LGPL-3.0); whoever passes the image on has their conditions to keep.
ARG EXTRAS=""
RUN python -m venv .venvs/webai && .venvs/webai/bin/pip install --require-hashes -r requirements/webai.txt \
    && for extra in $EXTRAS; do .venvs/webai/bin/pip install --require-hashes -r "requirements/webai-$extra.txt" || exit 1; done

FROM base AS code
COPY config/ config/
COPY router/ router/
COPY services/ services/
RUN python -m compileall -q router services

FROM code AS router
COPY --from=router-packages /srv/switchyard/.venv/ .venv/
ENV SWITCHYARD__SERVER__HOST=0.0.0.0
USER switchyard
VOLUME /var/lib/switchyard
EXPOSE 8317
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-m", "router.server.healthcheck"]
CMD ["sh", "-ec", ".venv/bin/python -m router up --prepare-only; exec .venv/bin/python -m router serve"]

FROM code AS aistudio
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium fonts-liberation novnc websockify x11vnc xvfb \
    && rm -rf /var/lib/apt/lists/*
COPY --from=aistudio-packages /srv/switchyard/.venvs/aistudio/ .venvs/aistudio/
# The logs of a sign-in's programs, and in `all` those of supervisord, lie in the volume.
RUN ln -s /var/lib/switchyard/logs logs
USER switchyard
VOLUME /var/lib/switchyard
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD [".venvs/aistudio/bin/python", "-m", "services.link.alive", "aistudio"]
CMD ["sh", "config/aistudio.sh"]

FROM code AS webai
COPY --from=webai-packages /srv/switchyard/.venvs/webai/ .venvs/webai/
USER switchyard
VOLUME /var/lib/switchyard
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD [".venvs/webai/bin/python", "-m", "services.link.alive", "webai"]
CMD [".venvs/webai/bin/python", "-m", "services.webai"]

FROM aistudio AS all
USER root
COPY supervisor.conf ./
COPY --from=router-packages /srv/switchyard/.venv/ .venv/
COPY --from=webai-packages /srv/switchyard/.venvs/webai/ .venvs/webai/
# What supervisord writes lies in the volume.
RUN ln -s /var/lib/switchyard/state state \
    && ln -s /var/lib/switchyard/conf.d config/conf.d
ENV SWITCHYARD__SERVER__HOST=0.0.0.0
USER switchyard
EXPOSE 8317
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-m", "router.server.healthcheck"]
CMD ["sh", "config/container.sh"]
