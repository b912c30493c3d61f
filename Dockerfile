FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/srv/telecardio/static
# Machine code of the analysis: made below, and afresh where the processor is another.
ENV NUMBA_CACHE_DIR=/srv/telecardio/compiled
RUN useradd --system --create-home telecardio \
    && install --directory --owner telecardio --mode 0700 /var/lib/telecardio
WORKDIR /srv/telecardio

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
# Collecting assets needs settings, but neither a server nor a real secret.
RUN DATABASE_URL=postgresql://build@localhost/build REDIS_URL=redis://localhost \
    TELECARDIO_ENV=production TELECARDIO_VAR=/srv/telecardio/build \
    SECRET_KEY=only-for-collecting-the-assets-while-the-image-is-being-built \
    python manage.py collectstatic --noinput
RUN python -m inference.warm_up && chown -R telecardio "$NUMBA_CACHE_DIR"

USER telecardio
EXPOSE 8000 8001
