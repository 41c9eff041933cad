# One image for the server, the sink, the keeper, training and the dashboard: the command tells which.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless && rm -rf /var/lib/apt/lists/*
WORKDIR /segue
COPY bootstrap.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r bootstrap.lock && uv pip sync --system --require-hashes requirements.lock
COPY . .
RUN uv pip install --system --no-deps --editable . && useradd --create-home segue && mkdir /data && chown segue /data
USER segue
ENV SEGUE_HOME=/data
CMD ["python", "-m", "backend"]
