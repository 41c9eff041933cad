# Three images: `segue` for the server, the sink, the keeper, training and the dashboard (the command tells which), `gateway`
# for Flink's SQL gateway, which plans jobs and submits them, and `flink`, the cluster with the connector jars.
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

# Flink's SQL gateway with the connector jars, by SHA-256 from stack/jars.lock, laid out as the embedded stack does.
# With FLINK_HOME Flink's script takes the folders named here; without it pyflink would put its own in their place.
FROM segue AS gateway
ARG SEGUE_MAVEN_REPOSITORY
USER root
RUN SEGUE_CACHE=/opt/segue/cache python -m stack.flink_gateway /opt/segue && chown -R segue /opt/segue/flink
USER segue
ENV FLINK_HOME=/usr/local/lib/python3.11/site-packages/pyflink
ENV FLINK_CONF_DIR=/opt/segue/flink/conf
ENV FLINK_LIB_DIR=/opt/segue/flink/lib
ENV FLINK_OPT_DIR=/opt/segue/flink/opt
ENV FLINK_PLUGINS_DIR=/usr/local/lib/python3.11/site-packages/pyflink/plugins
ENV FLINK_LOG_DIR=/opt/segue/flink/log
ENV FLINK_PID_DIR=/opt/segue/flink/pid
ENV HADOOP_CLASSPATH=
CMD ["sh", "-c", "exec $FLINK_HOME/bin/sql-gateway.sh start-foreground -Dsql-gateway.endpoint.rest.address=$(hostname) -Dsql-gateway.endpoint.rest.bind-address=0.0.0.0"]

# The cluster itself has no gateway.
FROM flink:2.3.0-java17 AS flink
COPY --from=gateway /opt/segue/cache/jars/ /opt/flink/lib/
RUN rm /opt/flink/lib/flink-sql-gateway-*.jar && install -d -o flink -g flink /data
