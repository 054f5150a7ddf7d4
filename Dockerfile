# The service alone: every dependency pinned by hash, no pip, no compiler, no root, nothing written outside /tmp.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy
COPY requirements/ requirements/
RUN python -m venv --without-pip /opt/gatehouse \
    && pip install --require-hashes -r requirements/uv.txt -r requirements/build.txt \
    && uv pip sync --no-cache --python /opt/gatehouse/bin/python --require-hashes --compile-bytecode requirements/main.txt
COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY migrations/ migrations/
RUN pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
    && uv pip install --no-cache --python /opt/gatehouse/bin/python --no-deps --compile-bytecode wheels/*.whl

# Argon2 for processors with AVX2, which verifies up to twice as many passwords: `gatehouse` chooses when it starts.
FROM python:${PYTHON} AS argon2
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
COPY requirements/ requirements/
RUN install -D --mode=755 requirements/with-fast-hash /opt/fast-hash/bin/gatehouse \
    && pip install --require-hashes -r requirements/uv.txt \
    && if [ "$(uname -m)" = x86_64 ]; then \
        sh requirements/fast-hash python /opt/argon2 --elsewhere && mv /opt/argon2/avx2 /opt/fast-hash/avx2; \
    fi

FROM python:${PYTHON}-slim
# The base has no bytecode, and none is written later: every start and health check would compile the standard library.
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
    && python -m compileall -q /usr/local/lib/python3*
COPY --from=build /opt/gatehouse /opt/gatehouse
COPY --from=argon2 /opt/fast-hash /opt/fast-hash
ENV PATH=/opt/fast-hash/bin:/opt/gatehouse/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEHOUSE_HTTP__HOST=0.0.0.0
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "\
import http.client, os, sys; \
service = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('GATEHOUSE_HTTP__PORT', '8000')), timeout=2); \
service.request('GET', '/livez'); \
sys.exit(service.getresponse().status != 200)"]
ENTRYPOINT ["gatehouse"]
CMD ["serve"]
