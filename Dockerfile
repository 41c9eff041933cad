# Three images: `segue` for the server, the sink, training and the dashboard (the command tells which), `keeper`, which can
# submit Flink's jobs besides, and `flink`, the cluster with the connector jars.
FROM python:3.11-slim-bookworm AS segue
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless && rm -rf /var/lib/apt/lists/*
WORKDIR /segue
COPY bootstrap.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r bootstrap.lock && uv pip sync --system --require-hashes requirements.lock
COPY . .
# Flink's own image runs as user 9999: the same number here, so that job and keeper can both write to the volume they share.
RUN uv pip install --system --no-deps --editable . && useradd --create-home --uid 9999 segue \
    && install -d -o segue -g segue /data /var/lib/segue
USER segue
ENV SEGUE_HOME=/var/lib/segue
CMD ["python", "-m", "backend"]

# Flink's SQL client with the connector jars, by SHA-256 from stack/jars.lock, laid out as the embedded stack does.
# With FLINK_HOME the client takes the folders named here; without it pyflink would put its own in their place.
FROM segue AS keeper
ARG SEGUE_MAVEN_REPOSITORY
USER root
RUN SEGUE_CACHE=/opt/segue/cache python -m stack.flink_client /opt/segue && chown -R segue /opt/segue/flink
USER segue
ENV FLINK_HOME=/usr/local/lib/python3.11/site-packages/pyflink
ENV FLINK_CONF_DIR=/opt/segue/flink/conf
ENV FLINK_LIB_DIR=/opt/segue/flink/lib
ENV FLINK_OPT_DIR=/opt/segue/flink/opt
ENV FLINK_PLUGINS_DIR=/usr/local/lib/python3.11/site-packages/pyflink/plugins
ENV FLINK_LOG_DIR=/opt/segue/flink/log
ENV FLINK_PID_DIR=/opt/segue/flink/pid
ENV HADOOP_CLASSPATH=
CMD ["python", "-m", "streaming.keeper"]

# The gateway belongs to the SQL client alone.
FROM flink:2.3.0-java17 AS flink
COPY --from=keeper /opt/segue/cache/jars/ /opt/flink/lib/
RUN rm /opt/flink/lib/flink-sql-gateway-*.jar && install -d -o flink -g flink /data
